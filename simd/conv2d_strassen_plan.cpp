// SPDX-License-Identifier: Apache-2.0
#include "conv2d_strassen_plan.hpp"

#include "tiling.hpp"

#include <algorithm>

namespace varscope::simd {

namespace {

// Half of the channels is a multiple of every set's registers, so that the pairs of channels are those of
// all.
constexpr std::int64_t kHalfMultiple = 16;

// Between the rows of the left factors: without it, rows of a power of two would compete for the same places
// of the cache.
constexpr std::int64_t kPixelPadding = 16;

// Packs the seven right factors of one block of channels. With B the filter, input channels by output
// channels, cut into halves, in the order of the kernel's products: B11, B21, T2, T3, -T4, T1, B22, where
// T1 = B12 - B11, T2 = B22 - T1, T3 = B22 - B12, T4 = T2 - B21.
void pack_strassen_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                          std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const StrassenBlocking& strassen = plan.strassen;
  const std::int64_t first = tile * strassen.channels_per_block;
  const std::int64_t width = std::min(strassen.channels_per_block, strassen.half_channels - first);
  const std::int64_t depth = strassen.half_depth;
  float* const block = packed_filter + kStrassenProducts * depth * first;
  const auto at = [&](std::int64_t in, std::int64_t out) {
    const bool exists = in < shape.in_channels && out < shape.out_channels;
    return exists ? static_cast<double>(filter[in * shape.out_channels + out]) : 0.0;
  };
  for (std::int64_t d = 0; d < depth; ++d) {
    for (std::int64_t i = 0; i < width; ++i) {
      const std::int64_t out = first + i;
      const double b11 = at(d, out);
      const double b12 = at(d, strassen.half_channels + out);
      const double b21 = at(depth + d, out);
      const double b22 = at(depth + d, strassen.half_channels + out);
      const double t1 = b12 - b11;
      const double t2 = b22 - t1;
      const double factors[kStrassenProducts] = {b11, b21, t2, b22 - b12, b21 - t2, t1, b22};
      for (std::int64_t product = 0; product < kStrassenProducts; ++product)
        block[(product * depth + d) * width + i] = static_cast<float>(factors[product]);
    }
  }
}

}  // namespace

const char* refusal_of_strassen(const KernelSet& kernels, const Conv2DShape& shape) noexcept {
  if (kernels.conv2d.strassen_tile == nullptr) return "the kernel set has no Strassen convolution";
  if (shape.filter_height != 1 || shape.filter_width != 1) return "Strassen needs a 1x1 filter";
  if (shape.groups != 1) return "Strassen needs one group";
  if (shape.pad_top != 0 || shape.pad_left != 0 ||
      (shape.out_height - 1) * shape.stride_height >= shape.in_height ||
      (shape.out_width - 1) * shape.stride_width >= shape.in_width) {
    return "Strassen needs an output without padding";
  }
  if (shape.in_channels < 2 || shape.out_channels <= kHalfMultiple)
    return "Strassen needs 2 input channels and 17 output channels";
  if (shape.out_height * shape.out_width < 2) return "Strassen needs images of 2 pixels";
  return nullptr;
}

void plan_strassen(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  StrassenBlocking& strassen = plan->strassen;
  strassen.half_depth = ceil_divide(shape.in_channels, 2);
  strassen.half_channels = ceil_divide(ceil_divide(shape.out_channels, 2), kHalfMultiple) * kHalfMultiple;
  strassen.channels_per_block =
      std::min(kernels.tile_vectors * kernels.vector_floats, strassen.half_channels);
  strassen.block_count = ceil_divide(strassen.half_channels, strassen.channels_per_block);

  strassen.pixel_step = strassen.half_depth + kPixelPadding;
  // Rows a multiple of 4096 bytes apart compete for the same few places of a first-level cache.
  constexpr std::int64_t kConflictFloats = 1024;
  const bool one_run =
      shape.stride_height == 1 && shape.stride_width == 1 && shape.out_width == shape.in_width;
  strassen.copied = !one_run || shape.in_channels % 2 != 0 || 2 * shape.in_channels % kConflictFloats == 0;

  // One left factor and one right factor of a block stay in the first-level cache if they are small.
  constexpr std::int64_t kFewestPairs = 36;
  constexpr std::int64_t kMostPairs = 96;
  const std::int64_t right_bytes = strassen.half_depth * strassen.channels_per_block * kFloatBytes;
  const std::int64_t fitting = (caches.level1_data - right_bytes) / (strassen.pixel_step * kFloatBytes);
  const std::int64_t panel = kernels.tile_pixels;
  const std::int64_t pairs = ceil_divide(shape.out_height * shape.out_width, 2);
  const std::int64_t wanted = ceil_divide(std::clamp(fitting, kFewestPairs, kMostPairs), panel) * panel;
  cut_for_threads(pairs, wanted, panel, shape.batch, &strassen.pairs_per_tile, &strassen.pair_tiles);
  strassen.pairs_per_register_tile = std::min(panel, strassen.pairs_per_tile);

  // Where the pixels are few, parts of the channels are tiles of their own. Each makes the left factors
  // again.
  constexpr std::int64_t kFewestChannels = 128;
  const std::int64_t most_parts = std::max<std::int64_t>(strassen.half_channels / kFewestChannels, 1);
  const std::int64_t parts =
      std::clamp<std::int64_t>(kManyTiles / (shape.batch * strassen.pair_tiles), 1, most_parts);
  const auto cut = shape.batch * strassen.pair_tiles == 1 ? cut_for_two : cut_evenly;
  cut(strassen.block_count, ceil_divide(strassen.block_count, parts), &strassen.blocks_per_tile,
      &strassen.block_tiles);
  strassen.fetch_output =
      exceeds_caches(caches, shape.batch * shape.out_height * shape.out_width * shape.out_channels);

  plan->packed_filter_floats = kStrassenProducts * strassen.half_depth * strassen.half_channels;
  plan->pack_tile_count = strassen.block_count;
  plan->pack_filter_tile = pack_strassen_filter;
  plan->workspace_floats = strassen.pairs_per_tile * (kStrassenProducts * strassen.pixel_step +
                                                      kStrassenSums * strassen.channels_per_block);
  plan->tile_count = shape.batch * strassen.pair_tiles * strassen.block_tiles;
  plan->run_tile = kernels.conv2d.strassen_tile;
}

}  // namespace varscope::simd
