// SPDX-License-Identifier: Apache-2.0
// Chooses algorithm and blocking of a convolution's gradient with regard to its filter.
#include "conv2d_winograd_plan.hpp"
#include "kernels_reference.hpp"
#include "tiling.hpp"

#include <varscope/simd/conv2d_backprop_filter.hpp>
#include <varscope/simd/kernel_set.hpp>
#include <varscope/simd/reference/conv2d_backprop.hpp>

#include <algorithm>

namespace varscope::simd {

namespace {

// Pixels whose floats lie a multiple of this apart (1024 bytes) compete for a few places of the first-level
// cache, as the same channels of all pixels of a pass are read one after the other; they are copied to
// others.
constexpr std::int64_t kConflictFloats = 256;
constexpr std::int64_t kPixelPadding = 16;

// Each chunk's sums are written once and read once, which should be little beside summing them: pixels that
// a chunk has at least.
constexpr std::int64_t kPixelsPerChunk = 1024;

// Of Winograd the same, where the sums are the larger by so much as there are products more than taps.
constexpr std::int64_t kPatchesPerChunk = 256;
// Each part of the output channels transforms the inputs again, so there are no more than make so many tiles.
constexpr std::int64_t kWinogradTiles = 8;
// Patches whose products are summed in registers: fewer, and the sums go to and from memory all the time; the
// most where they are too large for the second-level cache.
constexpr std::int64_t kFewestPatches = 32;
constexpr std::int64_t kMostPatches = 64;

constexpr std::int64_t kFloatsPerSumTile = 16 * 1024;

bool is_winograd(Conv2DAlgorithm algorithm) noexcept {
  return algorithm == Conv2DAlgorithm::winograd_2x2 || algorithm == Conv2DAlgorithm::winograd_4x4 ||
         algorithm == Conv2DAlgorithm::winograd_6x6;
}

// None where there are none for such patches and filters.
WinogradBackpropFilterFunctions winograd_functions(const WinogradBackpropFilterKernels& kernels,
                                                   std::int64_t outputs, const Conv2DShape& shape) noexcept {
  const std::int64_t filter = shape.filter_height == shape.filter_width ? shape.filter_width : 0;
  if (outputs == 2 && filter == 3) return kernels.outputs_2x2_filter_3x3;
  if (outputs == 4 && filter == 3) return kernels.outputs_4x4_filter_3x3;
  if (outputs == 6 && filter == 3) return kernels.outputs_6x6_filter_3x3;
  if (outputs == 2 && filter == 5) return kernels.outputs_2x2_filter_5x5;
  if (outputs == 4 && filter == 5) return kernels.outputs_4x4_filter_5x5;
  if (outputs == 2 && filter == 7) return kernels.outputs_2x2_filter_7x7;
  return {};
}

const char* refusal_of(const KernelSet& kernels, const Conv2DShape& shape, Conv2DAlgorithm wanted,
                       Conv2DAccuracy accuracy) noexcept {
  if (is_winograd(wanted)) {
    if (accuracy == Conv2DAccuracy::strict) return "strict accuracy excludes Winograd";
    if (shape.stride_height != 1 || shape.stride_width != 1) return "the gradient by Winograd needs stride 1";
    if (shape.dilation_height != 1 || shape.dilation_width != 1)
      return "the gradient of a filter by Winograd needs dilation 1";
    if (shape.groups != 1) return "the gradient of a filter by Winograd needs one group";
    const WinogradBackpropFilterKernels& winograd = kernels.conv2d_backprop_filter.winograd;
    if (winograd.outputs_2x2_filter_3x3.tile == nullptr)
      return "the kernel set has no gradient of filters by Winograd";
    if (winograd_functions(winograd, winograd_outputs(wanted), shape).tile == nullptr)
      return "the gradient of a filter by Winograd has 2x2 outputs for 3x3, 5x5 and 7x7, 4x4 for 3x3 and "
             "5x5, 6x6 for 3x3";
    return shape.in_channels < kernels.vector_floats
               ? "the gradient of a filter by Winograd needs as many input channels as a register has floats"
               : nullptr;
  }
  switch (wanted) {
    case Conv2DAlgorithm::automatic:
    case Conv2DAlgorithm::reference:
      return nullptr;
    case Conv2DAlgorithm::direct:
      return kernels.conv2d_backprop_filter.direct_tile == nullptr
                 ? "the kernel set has no direct gradient of filters"
                 : nullptr;
    case Conv2DAlgorithm::depthwise:
      if (kernels.conv2d_backprop_filter.depthwise_tile == nullptr)
        return "the kernel set has no depthwise gradient of filters";
      if (shape.groups != shape.in_channels || shape.out_channels != shape.in_channels)
        return "the depthwise gradient of a filter needs as many groups as input and output channels";
      return nullptr;
    default:
      return "the gradient of a filter has the algorithms direct, depthwise, winograd_2x2, winograd_4x4, "
             "winograd_6x6 and reference";
  }
}

// Input rows that a pass of so many output rows reads for all filter rows of a tile.
std::int64_t input_rows(const Conv2DShape& shape, std::int64_t rows, std::int64_t filter_rows) noexcept {
  return (rows - 1) * shape.stride_height + (filter_rows - 1) * shape.dilation_height + 1;
}

void plan_passes(const CacheSizes& caches, Conv2DBackpropFilterPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  Conv2DBackpropFilterBlocking& blocking = plan->blocking;
  // A block of out_backprop stays in the first-level cache, the input in the second.
  const std::int64_t block_row = shape.out_width * blocking.channels_per_block;
  const std::int64_t input_row = blocking.columns * blocking.pixel_floats;
  std::int64_t rows =
      std::clamp<std::int64_t>(caches.level1_data * 5 / 8 / kFloatBytes / block_row, 1, shape.out_height);
  const std::int64_t budget = caches.level2 / 3 / kFloatBytes;
  while (rows > 1 && input_rows(shape, rows, blocking.filter_rows_per_tile) * input_row > budget) --rows;
  cut_evenly(shape.out_height, rows, &blocking.rows_per_pass, &blocking.row_passes);
}

void plan_direct(const KernelSet& kernels, const CacheSizes& caches,
                 Conv2DBackpropFilterPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  Conv2DBackpropFilterBlocking& blocking = plan->blocking;
  const std::int64_t lanes = kernels.vector_floats;
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  const std::int64_t filter_rows = shape.filter_height * shape.filter_width * group_in;

  blocking.channels_per_block = std::min(kernels.tile_vectors, ceil_divide(group_out, lanes)) * lanes;
  blocking.blocks_per_group = ceil_divide(group_out, blocking.channels_per_block);
  blocking.padded_group_channels = ceil_divide(group_out, lanes) * lanes;
  blocking.pixel_floats = group_in % kConflictFloats == 0 ? group_in + kPixelPadding : group_in;
  blocking.columns =
      (shape.out_width - 1) * shape.stride_width + (shape.filter_width - 1) * shape.dilation_width + 1;
  blocking.copies_out_backprop = group_out % lanes != 0 || shape.out_channels % kConflictFloats == 0;

  // Chunks first, as each pass over the input serves all tiles of its chunk; then blocks; then filter rows.
  const std::int64_t pixels = shape.batch * shape.out_height * shape.out_width;
  const std::int64_t flops = 2 * pixels * filter_rows * group_out * shape.groups;
  const std::int64_t wanted_tiles = std::clamp<std::int64_t>(flops / kFlopsPerTile, 1, kManyTiles);
  const std::int64_t wanted_chunks = std::clamp<std::int64_t>(pixels / kPixelsPerChunk, 1, wanted_tiles);
  const std::int64_t parts = ceil_divide(wanted_tiles, wanted_chunks * shape.groups);
  cut_evenly(blocking.blocks_per_group, ceil_divide(blocking.blocks_per_group, parts),
             &blocking.blocks_per_tile, &blocking.block_tiles);
  const std::int64_t row_parts = ceil_divide(parts, blocking.block_tiles);
  cut_evenly(shape.filter_height, ceil_divide(shape.filter_height, row_parts), &blocking.filter_rows_per_tile,
             &blocking.filter_row_tiles);
  plan_passes(caches, plan);
  const std::int64_t passes = shape.batch * blocking.row_passes;
  cut_evenly(passes, ceil_divide(passes, wanted_chunks), &blocking.passes_per_chunk, &blocking.chunks);

  const std::int64_t sums = filter_rows * shape.groups * blocking.padded_group_channels;
  plan->sums_floats = blocking.chunks * sums;
  plan->workspace_floats = input_rows(shape, blocking.rows_per_pass, blocking.filter_rows_per_tile) *
                           blocking.columns * blocking.pixel_floats;
  if (blocking.copies_out_backprop) {
    plan->workspace_floats += blocking.rows_per_pass * shape.out_width * blocking.channels_per_block;
  }
  plan->tile_count = blocking.chunks * shape.groups * blocking.block_tiles * blocking.filter_row_tiles;
  plan->run_tile = kernels.conv2d_backprop_filter.direct_tile;
  blocking.rows_per_sum_tile =
      std::clamp<std::int64_t>(kFloatsPerSumTile * filter_rows / sums, 1, filter_rows);
  plan->sum_tile_count = ceil_divide(filter_rows, blocking.rows_per_sum_tile);
  plan->run_sum_tile = kernels.conv2d_backprop_filter.direct_sum_tile;
}

void plan_depthwise(const KernelSet& kernels, Conv2DBackpropFilterPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  Conv2DBackpropFilterBlocking& blocking = plan->blocking;
  const std::int64_t taps = shape.filter_height * shape.filter_width;
  const std::int64_t rows = shape.batch * shape.out_height;
  const std::int64_t wanted_chunks =
      std::clamp<std::int64_t>(rows * shape.out_width / kPixelsPerChunk, 1, kManyTiles);
  cut_evenly(rows, ceil_divide(rows, wanted_chunks), &blocking.passes_per_chunk, &blocking.chunks);
  plan->sums_floats = blocking.chunks * taps * shape.in_channels;
  plan->tile_count = blocking.chunks;
  plan->run_tile = kernels.conv2d_backprop_filter.depthwise_tile;
  blocking.rows_per_sum_tile = std::clamp<std::int64_t>(kFloatsPerSumTile / shape.in_channels, 1, taps);
  plan->sum_tile_count = ceil_divide(taps, blocking.rows_per_sum_tile);
  plan->run_sum_tile = kernels.conv2d_backprop_filter.depthwise_sum_tile;
}

// From one pixel of so many channels to the next.
std::int64_t pixel_step(std::int64_t channels) noexcept {
  return channels % kConflictFloats == 0 ? channels + kPixelPadding : channels;
}

void plan_winograd(const KernelSet& kernels, const CacheSizes& caches,
                   Conv2DBackpropFilterPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  Conv2DBackpropFilterBlocking& blocking = plan->blocking;
  WinogradBackpropFilterBlocking& winograd = plan->winograd;
  const std::int64_t lanes = kernels.vector_floats;
  winograd.outputs_per_patch = winograd_outputs(plan->algorithm);
  const std::int64_t side = winograd.outputs_per_patch + shape.filter_height - 1;
  winograd.products = side * side;
  winograd.patch_rows = ceil_divide(shape.out_height, winograd.outputs_per_patch);
  winograd.patch_columns = ceil_divide(shape.out_width, winograd.outputs_per_patch);
  const std::int64_t patches = shape.batch * winograd.patch_rows * winograd.patch_columns;

  blocking.channels_per_block =
      std::min(kernels.tile_vectors, ceil_divide(shape.out_channels, lanes)) * lanes;
  blocking.blocks_per_group = ceil_divide(shape.out_channels, blocking.channels_per_block);
  blocking.padded_group_channels = ceil_divide(shape.out_channels, lanes) * lanes;

  const std::int64_t wanted_chunks = std::clamp<std::int64_t>(patches / kPatchesPerChunk, 1, kManyTiles);
  cut_evenly(patches, ceil_divide(patches, wanted_chunks), &winograd.patches_per_chunk, &blocking.chunks);
  const std::int64_t parts = ceil_divide(kWinogradTiles, blocking.chunks);
  cut_evenly(blocking.blocks_per_group, ceil_divide(blocking.blocks_per_group, parts),
             &blocking.blocks_per_tile, &blocking.block_tiles);

  winograd.transformed_patch_step = pixel_step(shape.in_channels);
  winograd.gradient_patch_step = pixel_step(blocking.blocks_per_tile * blocking.channels_per_block);
  const std::int64_t patch_bytes =
      winograd.products * (winograd.transformed_patch_step + winograd.gradient_patch_step) * kFloatBytes;
  const std::int64_t sums_bytes = winograd.products * shape.in_channels * blocking.blocks_per_tile *
                                  blocking.channels_per_block * kFloatBytes;
  const std::int64_t fewest = sums_bytes > caches.level2 ? kMostPatches : kFewestPatches;
  const std::int64_t group = std::clamp(caches.level2 / 2 / patch_bytes, fewest, kMostPatches);
  std::int64_t groups = 0;
  cut_evenly(winograd.patches_per_chunk, group, &winograd.patches_per_group, &groups);
  winograd.transformed_step = winograd.patches_per_group * winograd.transformed_patch_step + kPixelPadding;
  winograd.gradient_step = winograd.patches_per_group * winograd.gradient_patch_step + kPixelPadding;

  const std::int64_t sums = winograd.products * shape.in_channels * blocking.padded_group_channels;
  plan->sums_floats = blocking.chunks * sums;
  plan->workspace_floats = winograd.products * (winograd.transformed_step + winograd.gradient_step) +
                           std::max(shape.in_channels, shape.out_channels);
  plan->tile_count = blocking.chunks * blocking.block_tiles;
  const WinogradBackpropFilterFunctions functions =
      winograd_functions(kernels.conv2d_backprop_filter.winograd, winograd.outputs_per_patch, shape);
  plan->run_tile = functions.tile;
  blocking.rows_per_sum_tile =
      std::clamp<std::int64_t>(kFloatsPerSumTile * shape.in_channels / sums, 1, shape.in_channels);
  plan->sum_tile_count = ceil_divide(shape.in_channels, blocking.rows_per_sum_tile);
  plan->run_sum_tile = functions.sum_tile;
}

// Cycles, as in conv2d_cost.cpp; fitted to the layers of perf_backward, measured with AVX-512 on a Zen 5.
double direct_cycles(const KernelSet& kernels, const Conv2DShape& shape) noexcept {
  constexpr double kLosses = 1.25;
  const std::int64_t registers = ceil_divide(shape.out_channels, kernels.vector_floats);
  return kLosses / 2 * static_cast<double>(shape.batch * shape.out_height * shape.out_width * registers) *
         static_cast<double>(shape.filter_height * shape.filter_width * shape.in_channels);
}

double winograd_cycles(const KernelSet& kernels, const CacheSizes& caches,
                       const Conv2DBackpropFilterPlan& plan) noexcept {
  constexpr double kLosses = 1.6;   // much is loaded and stored around short sums
  constexpr double kTransform = 5;  // of each product, and register of channels of a patch
  const Conv2DShape& shape = plan.shape;
  const WinogradBackpropFilterBlocking& winograd = plan.winograd;
  const auto patches = static_cast<double>(shape.batch * winograd.patch_rows * winograd.patch_columns);
  const auto in_registers = static_cast<double>(ceil_divide(shape.in_channels, kernels.vector_floats));
  const auto out_registers = static_cast<double>(ceil_divide(shape.out_channels, kernels.vector_floats));
  const auto in_channels = static_cast<double>(shape.in_channels);
  const auto parts = static_cast<double>(plan.blocking.block_tiles);
  const std::int64_t sums_bytes = plan.sums_floats * kFloatBytes;
  const double sum_cycles = sums_bytes <= 4 * caches.level2 ? 8 : sums_bytes <= caches.level3 / 2 ? 13 : 50;
  const double of_patch =
      kLosses / 2 * in_channels * out_registers + kTransform * (in_registers * parts + out_registers);
  return static_cast<double>(winograd.products) * patches * of_patch +
         sum_cycles * static_cast<double>(plan.sums_floats / kernels.vector_floats);
}

Conv2DBackpropFilterPlan plan_algorithm(const KernelSet& kernels, const Conv2DShape& shape,
                                        Conv2DAlgorithm algorithm, const CacheSizes& caches) noexcept {
  Conv2DBackpropFilterPlan plan;
  plan.shape = shape;
  plan.algorithm = algorithm;
  if (is_winograd(algorithm)) {
    plan_winograd(kernels, caches, &plan);
  } else if (algorithm == Conv2DAlgorithm::direct) {
    plan_direct(kernels, caches, &plan);
  } else if (algorithm == Conv2DAlgorithm::depthwise) {
    plan_depthwise(kernels, &plan);
  } else {
    plan_reference_conv2d_backprop_filter(&plan);
  }
  return plan;
}

// The cheapest plan by the model above; depthwise where that applies.
Conv2DBackpropFilterPlan choose_plan(const KernelSet& kernels, const Conv2DShape& shape,
                                     Conv2DAccuracy accuracy, const CacheSizes& caches) noexcept {
  if (kernels.conv2d_backprop_filter.direct_tile == nullptr)
    return plan_algorithm(kernels, shape, Conv2DAlgorithm::reference, caches);
  if (refusal_of(kernels, shape, Conv2DAlgorithm::depthwise, accuracy) == nullptr && shape.in_channels > 1)
    return plan_algorithm(kernels, shape, Conv2DAlgorithm::depthwise, caches);
  Conv2DBackpropFilterPlan best = plan_algorithm(kernels, shape, Conv2DAlgorithm::direct, caches);
  double best_cycles = direct_cycles(kernels, shape);
  for (const Conv2DAlgorithm algorithm :
       {Conv2DAlgorithm::winograd_2x2, Conv2DAlgorithm::winograd_4x4, Conv2DAlgorithm::winograd_6x6}) {
    if (refusal_of(kernels, shape, algorithm, accuracy) != nullptr) continue;
    const Conv2DBackpropFilterPlan plan = plan_algorithm(kernels, shape, algorithm, caches);
    const double cycles = winograd_cycles(kernels, caches, plan);
    if (cycles < best_cycles) {
      best = plan;
      best_cycles = cycles;
    }
  }
  return best;
}

}  // namespace

Conv2DBackpropFilterPlan plan_conv2d_backprop_filter(const KernelSet& kernels, const Conv2DShape& shape,
                                                     Conv2DAlgorithm wanted, const CacheSizes& caches,
                                                     Conv2DAccuracy accuracy) noexcept {
  if (wanted == Conv2DAlgorithm::automatic) return choose_plan(kernels, shape, accuracy, caches);
  Conv2DBackpropFilterPlan plan;
  plan.shape = shape;
  plan.refusal = refusal_of(kernels, shape, wanted, accuracy);
  return plan.refusal != nullptr ? plan : plan_algorithm(kernels, shape, wanted, caches);
}

}  // namespace varscope::simd
