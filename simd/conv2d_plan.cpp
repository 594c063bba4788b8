// SPDX-License-Identifier: Apache-2.0
// Chooses algorithm and blocking of a convolution.
#include "conv2d_cost.hpp"
#include "conv2d_depthwise_plan.hpp"
#include "conv2d_pack.hpp"
#include "conv2d_strassen_plan.hpp"
#include "conv2d_winograd_plan.hpp"
#include "kernels/direct_row_cut.inl.hpp"
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
    {Conv2DAlgorithm::automatic, "automatic"},       {Conv2DAlgorithm::direct, "direct"},
    {Conv2DAlgorithm::pointwise, "pointwise"},       {Conv2DAlgorithm::depthwise, "depthwise"},
    {Conv2DAlgorithm::winograd_2x2, "winograd_2x2"}, {Conv2DAlgorithm::winograd_4x4, "winograd_4x4"},
    {Conv2DAlgorithm::winograd_6x6, "winograd_6x6"}, {Conv2DAlgorithm::winograd_1x4, "winograd_1x4"},
    {Conv2DAlgorithm::grouped, "grouped"},           {Conv2DAlgorithm::strassen, "strassen"},
    {Conv2DAlgorithm::reference, "reference"},
};

// Input rows that a tile of direct convolution reads at most.
std::int64_t rows_read(const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  return std::min((plan.blocking.rows_per_tile - 1) * shape.stride_height +
                      (shape.filter_height - 1) * shape.dilation_height + 1,
                  shape.in_height);
}

void plan_direct(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  Conv2DBlocking& blocking = plan->blocking;
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  const std::int64_t positions = shape.filter_height * shape.filter_width;
  const std::int64_t lanes = kernels.vector_floats;

  const RegisterTileSize size = register_tile_size(kernels, ceil_divide(group_out, lanes), shape.out_width);
  blocking.channels_per_block = size.vectors * lanes;
  blocking.blocks_per_group = ceil_divide(group_out, blocking.channels_per_block);
  blocking.padded_group_channels = ceil_divide(group_out, lanes) * lanes;
  blocking.pixels_per_register_tile = std::min(size.pixels, shape.out_width);

  // One pass's part of a block's filter: whole filter rows, or one row of some of the channels.
  constexpr std::int64_t kFewestChannels = 16;
  const std::int64_t budget = filter_bytes_per_pass(caches);
  const std::int64_t channel_bytes = shape.filter_width * blocking.channels_per_block * kFloatBytes;
  const std::int64_t chunk =
      std::clamp(budget / channel_bytes, std::min(kFewestChannels, group_in), group_in);
  blocking.channels_per_chunk = ceil_divide(group_in, ceil_divide(group_in, chunk));
  const std::int64_t row_bytes = channel_bytes * blocking.channels_per_chunk;
  const std::int64_t filter_rows = std::clamp<std::int64_t>(budget / row_bytes, 1, shape.filter_height);
  blocking.filter_rows_per_pass =
      ceil_divide(shape.filter_height, ceil_divide(shape.filter_height, filter_rows));

  const std::int64_t pass_bytes = row_bytes * blocking.filter_rows_per_pass;
  blocking.blocks_per_pass = std::max<std::int64_t>(budget / pass_bytes, 1);

  // A filter that stays in the second-level cache is better read again for each row than the edges of a row
  // copied again for each block: tiles of blocks first. Of a larger one tiles of rows, which read it once.
  const std::int64_t filter_floats = positions * group_in * blocking.padded_group_channels;
  const bool blocks_first = filter_floats * kFloatBytes <= caches.level2 * 3 / 4;
  const std::int64_t flops_per_row = 2 * shape.out_width * positions * group_in * blocking.channels_per_block;
  const std::int64_t all_rows = shape.batch * shape.groups * shape.out_height * blocking.blocks_per_group;
  const std::int64_t wanted =
      std::clamp(flops_per_row * (all_rows / kManyTiles), kFlopsPerTile / 2, 4 * kFlopsPerTile);
  std::int64_t rows = std::max<std::int64_t>(wanted / flops_per_row, 1);
  std::int64_t blocks = 1;
  if (blocks_first) {
    blocks = std::min(ceil_divide(wanted, flops_per_row), blocking.blocks_per_group);
    rows = std::max<std::int64_t>(wanted / (flops_per_row * blocks), 1);
  } else {
    // All rows of a small image, where the blocks alone are enough tiles: each row tile reads the filter
    // anew.
    const bool enough_blocks = shape.batch * shape.groups * blocking.blocks_per_group >= kManyTiles / 2;
    if (enough_blocks && flops_per_row * shape.out_height <= 4 * kFlopsPerTile) rows = shape.out_height;
    blocks = std::max<std::int64_t>(wanted / (flops_per_row * std::min(rows, shape.out_height)), 1);
  }
  cut_evenly(shape.out_height, rows, &blocking.rows_per_tile, &blocking.row_tiles);
  cut_evenly(blocking.blocks_per_group, blocks, &blocking.blocks_per_tile, &blocking.block_tiles);
  blocking.fetch_output =
      exceeds_caches(caches, shape.batch * shape.out_height * shape.out_width * shape.out_channels);
  blocking.rows_innermost = positions * shape.out_channels > shape.in_height * shape.in_width;

  plan->packed_filter_floats = shape.groups * positions * group_in * blocking.padded_group_channels;
  plan->pack_tile_count = shape.groups * blocking.blocks_per_group;
  plan->pack_filter_tile = pack_blocked_filter;
  const DirectRowCut cut(shape, blocking.pixels_per_register_tile);
  // Leaving out columns loads and stores sums for each part of the filter.
  constexpr std::int64_t kManyChannels = 64;
  blocking.edges_by_columns = blocking.channels_per_chunk >= kManyChannels;
  std::int64_t copied = 0;
  for (std::int64_t tile = 0; tile < cut.tiles; ++tile)
    copied += cut.inside(tile) || blocking.edges_by_columns ? 0 : 1;
  plan->workspace_floats = copied * rows_read(*plan) * cut.columns(blocking.pixels_per_register_tile) *
                           blocking.channels_per_chunk;
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
  plan->workspace_floats = plan->product.rows_per_tile * plan->product.panel_step;
  plan->tile_count = plan->product.row_tiles * plan->product.block_tiles;
  plan->run_tile = kernels.conv2d.pointwise_tile;
}

// Whether rounding errors are larger than those of the sum itself.
bool saves_products(Conv2DAlgorithm algorithm) noexcept {
  return algorithm == Conv2DAlgorithm::winograd_2x2 || algorithm == Conv2DAlgorithm::winograd_4x4 ||
         algorithm == Conv2DAlgorithm::winograd_6x6 || algorithm == Conv2DAlgorithm::winograd_1x4 ||
         algorithm == Conv2DAlgorithm::strassen;
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
    case Conv2DAlgorithm::grouped:
      return refusal_of_grouped(kernels, shape);
    case Conv2DAlgorithm::winograd_2x2:
    case Conv2DAlgorithm::winograd_4x4:
    case Conv2DAlgorithm::winograd_6x6:
      return refusal_of_winograd(kernels, shape, algorithm);
    case Conv2DAlgorithm::winograd_1x4:
      return refusal_of_winograd_row(kernels, shape);
    case Conv2DAlgorithm::strassen:
      return refusal_of_strassen(kernels, shape);
  }
  return "no such algorithm";
}

// The plan of an algorithm that is not refused.
Conv2DPlan plan_algorithm(const KernelSet& kernels, const Conv2DShape& shape, Conv2DAlgorithm algorithm,
                          const CacheSizes& caches) noexcept {
  Conv2DPlan plan;
  plan.shape = shape;
  plan.algorithm = algorithm;
  switch (algorithm) {
    case Conv2DAlgorithm::direct:
      plan_direct(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::pointwise:
      plan_pointwise(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::depthwise:
      plan_depthwise(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::grouped:
      plan_grouped(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::winograd_2x2:
    case Conv2DAlgorithm::winograd_4x4:
    case Conv2DAlgorithm::winograd_6x6:
      plan_winograd(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::winograd_1x4:
      plan_winograd_row(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::strassen:
      plan_strassen(kernels, caches, &plan);
      break;
    case Conv2DAlgorithm::automatic:
    case Conv2DAlgorithm::reference:
      plan_reference_conv2d(&plan);
      break;
  }
  return plan;
}

// The cheapest plan by the cost model.
Conv2DPlan choose_plan(const KernelSet& kernels, const Conv2DShape& shape, Conv2DAccuracy accuracy,
                       const CacheSizes& caches) noexcept {
  Conv2DPlan best;
  double best_cycles = 0;
  for (const NamedAlgorithm& row : kAlgorithms) {
    if (row.algorithm == Conv2DAlgorithm::automatic || row.algorithm == Conv2DAlgorithm::reference) continue;
    if (accuracy == Conv2DAccuracy::strict && saves_products(row.algorithm)) continue;
    if (refusal_of(kernels, shape, row.algorithm) != nullptr) continue;
    // The same sums as pointwise, but not in its order of loops.
    if (row.algorithm == Conv2DAlgorithm::direct &&
        refusal_of(kernels, shape, Conv2DAlgorithm::pointwise) == nullptr) {
      continue;
    }
    const Conv2DPlan plan = plan_algorithm(kernels, shape, row.algorithm, caches);
    const double cycles = conv2d_cycles(kernels, caches, plan);
    if (best.run_tile == nullptr || cycles < best_cycles) {
      best = plan;
      best_cycles = cycles;
    }
  }
  return best.run_tile != nullptr ? best : plan_algorithm(kernels, shape, Conv2DAlgorithm::reference, caches);
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
                       const CacheSizes& caches, Conv2DAccuracy accuracy) noexcept {
  if (wanted == Conv2DAlgorithm::automatic) return choose_plan(kernels, shape, accuracy, caches);
  Conv2DPlan plan;
  plan.shape = shape;
  plan.refusal = refusal_of(kernels, shape, wanted);
  if (plan.refusal == nullptr && accuracy == Conv2DAccuracy::strict && saves_products(wanted)) {
    plan.refusal = "strict accuracy excludes Winograd and Strassen";
  }
  return plan.refusal != nullptr ? plan : plan_algorithm(kernels, shape, wanted, caches);
}

}  // namespace varscope::simd
