// SPDX-License-Identifier: Apache-2.0
// Chooses algorithm and blocking of a convolution.
#include "conv2d_pack.hpp"
#include "kernels_reference.hpp"
#include "matmul_plan.hpp"
#include "tiling.hpp"

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/kernel_set.hpp>

#include <algorithm>

namespace varscope::simd {

namespace {

struct NamedAlgorithm {
  Conv2DAlgorithm algorithm;
  const char* name;
};

constexpr NamedAlgorithm kAlgorithms[] = {
    {Conv2DAlgorithm::automatic, "automatic"}, {Conv2DAlgorithm::direct, "direct"},
    {Conv2DAlgorithm::pointwise, "pointwise"}, {Conv2DAlgorithm::depthwise, "depthwise"},
    {Conv2DAlgorithm::reference, "reference"},
};

void plan_direct(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  Conv2DBlocking& blocking = plan->blocking;
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  const std::int64_t positions = shape.filter_height * shape.filter_width;
  const std::int64_t lanes = kernels.vector_floats;

  blocking.channels_per_block = std::min(kernels.tile_vectors, ceil_divide(group_out, lanes)) * lanes;
  blocking.blocks_per_group = ceil_divide(group_out, blocking.channels_per_block);
  blocking.padded_group_channels = ceil_divide(group_out, lanes) * lanes;
  // The filter of one block and one chunk is read again for every register tile, so it should stay in
  // level 2.
  const std::int64_t bytes_per_channel = positions * blocking.channels_per_block * kFloatBytes;
  const std::int64_t chunks = ceil_divide(group_in * bytes_per_channel, caches.level2 / 2);
  blocking.channels_per_chunk = ceil_divide(group_in, std::min(chunks, group_in));
  blocking.pixels_per_register_tile = std::min(kernels.tile_pixels, shape.out_width);

  // Blocks whose filters stay in level 1 together share what the tile reads of the image.
  const std::int64_t block_bytes = bytes_per_channel * blocking.channels_per_chunk;
  cut_evenly(blocking.blocks_per_group, std::max<std::int64_t>(caches.level1_data / 2 / block_bytes, 1),
             &blocking.blocks_per_tile, &blocking.block_tiles);
  const std::int64_t flops_per_row =
      2 * shape.out_width * positions * group_in * blocking.channels_per_block * blocking.blocks_per_tile;
  cut_evenly(shape.out_height, std::max<std::int64_t>(ceil_divide(kFlopsPerTile, flops_per_row), 1),
             &blocking.rows_per_tile, &blocking.row_tiles);
  blocking.rows_innermost = positions * shape.out_channels > shape.in_height * shape.in_width;

  plan->packed_filter_floats = shape.groups * positions * group_in * blocking.padded_group_channels;
  plan->pack_tile_count = shape.groups * blocking.blocks_per_group;
  plan->pack_filter_tile = pack_blocked_filter;
  const std::int64_t window_columns = (blocking.pixels_per_register_tile - 1) * shape.stride_width +
                                      (shape.filter_width - 1) * shape.dilation_width + 1;
  plan->workspace_floats = shape.filter_height * window_columns * blocking.channels_per_chunk;
  plan->tile_count = shape.batch * shape.groups * blocking.row_tiles * blocking.block_tiles;
  plan->run_tile = kernels.conv2d.direct_tile;
}

void plan_pointwise(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  const ProductSize size = {.rows = shape.batch * shape.in_height * shape.in_width,
                            .columns = shape.out_channels,
                            .depth = shape.in_channels,
                            .a_row_step = shape.in_channels,
                            .a_depth_step = 1};
  plan->product = plan_product(kernels, size, caches);
  plan->packed_filter_floats = shape.in_channels * plan->product.padded_columns;
  plan->pack_tile_count = plan->product.block_count;
  plan->pack_filter_tile = pack_pointwise_filter;
  plan->workspace_floats = plan->product.rows_per_panel * plan->product.panel_step;
  plan->tile_count = plan->product.row_tiles * plan->product.block_tiles;
  plan->run_tile = kernels.conv2d.pointwise_tile;
}

void plan_depthwise(const KernelSet& kernels, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  const std::int64_t positions = shape.filter_height * shape.filter_width;
  // One multiply-add a load: a tile of the same time has fewer operations.
  const std::int64_t flops_per_row = 32 * shape.out_width * positions * shape.out_channels;
  cut_evenly(shape.out_height, std::max<std::int64_t>(ceil_divide(kFlopsPerTile, flops_per_row), 1),
             &plan->blocking.rows_per_tile, &plan->blocking.row_tiles);
  plan->packed_filter_floats = positions * shape.out_channels;
  plan->pack_tile_count = 1;
  plan->pack_filter_tile = copy_filter;
  plan->tile_count = shape.batch * plan->blocking.row_tiles;
  plan->run_tile = kernels.conv2d.depthwise_tile;
}

// Why the algorithm cannot compute the shape; null when it can.
const char* refusal_of(const KernelSet& kernels, const Conv2DShape& shape,
                       Conv2DAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case Conv2DAlgorithm::automatic:
    case Conv2DAlgorithm::reference:
      return nullptr;
    case Conv2DAlgorithm::direct:
      return kernels.conv2d.direct_tile == nullptr ? "the kernel set has no direct convolution" : nullptr;
    case Conv2DAlgorithm::pointwise:
      if (kernels.conv2d.pointwise_tile == nullptr) return "the kernel set has no pointwise convolution";
      if (shape.filter_height != 1 || shape.filter_width != 1) return "pointwise needs a 1x1 filter";
      if (shape.stride_height != 1 || shape.stride_width != 1) return "pointwise needs stride 1";
      if (shape.groups != 1) return "pointwise needs one group";
      if (shape.pad_top != 0 || shape.pad_left != 0 || shape.out_height != shape.in_height ||
          shape.out_width != shape.in_width) {
        return "pointwise needs an output as large as the input, without padding";
      }
      return nullptr;
    case Conv2DAlgorithm::depthwise:
      if (kernels.conv2d.depthwise_tile == nullptr) return "the kernel set has no depthwise convolution";
      if (shape.groups != shape.in_channels) return "depthwise needs as many groups as input channels";
      return nullptr;
  }
  return "no such algorithm";
}

Conv2DAlgorithm choose_algorithm(const KernelSet& kernels, const Conv2DShape& shape) noexcept {
  // A single channel is its own group; the direct tile, which reads it once for many output channels, is
  // better then.
  const bool one_channel = shape.in_channels == 1;
  const Conv2DAlgorithm preferred[] = {Conv2DAlgorithm::pointwise,
                                       one_channel ? Conv2DAlgorithm::direct : Conv2DAlgorithm::depthwise,
                                       Conv2DAlgorithm::direct};
  for (const Conv2DAlgorithm algorithm : preferred) {
    if (refusal_of(kernels, shape, algorithm) == nullptr) return algorithm;
  }
  return Conv2DAlgorithm::reference;
}

}  // namespace

const char* conv2d_algorithm_name(Conv2DAlgorithm algorithm) noexcept {
  for (const NamedAlgorithm& row : kAlgorithms) {
    if (row.algorithm == algorithm) return row.name;
  }
  return "unknown";
}

bool find_conv2d_algorithm(std::string_view name, Conv2DAlgorithm* algorithm) noexcept {
  for (const NamedAlgorithm& row : kAlgorithms) {
    if (name == row.name) {
      *algorithm = row.algorithm;
      return true;
    }
  }
  return false;
}

Conv2DPlan plan_conv2d(const KernelSet& kernels, const Conv2DShape& shape, Conv2DAlgorithm wanted,
                       const CacheSizes& caches) noexcept {
  Conv2DPlan plan;
  plan.shape = shape;
  plan.refusal = refusal_of(kernels, shape, wanted);
  if (plan.refusal != nullptr) return plan;
  plan.algorithm = wanted == Conv2DAlgorithm::automatic ? choose_algorithm(kernels, shape) : wanted;
  switch (plan.algorithm) {
    case Conv2DAlgorithm::direct:
      plan_direct(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::pointwise:
      plan_pointwise(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::depthwise:
      plan_depthwise(kernels, &plan);
      break;
    case Conv2DAlgorithm::automatic:
    case Conv2DAlgorithm::reference:
      plan_reference_conv2d(&plan);
      break;
  }
  return plan;
}

}  // namespace varscope::simd
