// SPDX-License-Identifier: Apache-2.0
// The model counts what a core does: multiply-adds of registers, two a cycle, times a factor for what a
// register tile loses around them, or the bytes of the filter that come from beyond the second-level cache,
// if those take longer; and for Winograd the transforms. The numbers were fitted to 76 layers, 50 of them
// random, measured with AVX2 and AVX-512 on a Zen 5 (docs/performance.md); those of stride 2 and of few
// channels to some 150 more.
#include "conv2d_cost.hpp"

#include "tiling.hpp"

#include <algorithm>

namespace varscope::simd {

namespace {

constexpr double kMultiplyAddsPerCycle = 2;

// What multiply-adds lose to loads that come late and to ragged edges.
constexpr double kLosses = 1.13;

// Bytes a cycle of a stream from the third-level cache, and from memory.
constexpr double kLevel3Bytes = 24;
constexpr double kMemoryBytes = 10;

double as_double(std::int64_t value) noexcept {
  return static_cast<double>(value);
}

// Cycles to read `bytes` `times` times, once the caches have what fits: nothing for what stays in level 2.
double stream_cycles(const CacheSizes& caches, double bytes, double times) noexcept {
  if (bytes <= as_double(caches.level2) / 2) return 0;
  return bytes * times / (bytes <= as_double(caches.level3) * 0.6 ? kLevel3Bytes : kMemoryBytes);
}

// Register tiles of `depth` steps of `pixels` times `vectors` multiply-adds each, while so many bytes of
// filter are read so many times.
double product_cycles(const CacheSizes& caches, double tiles, double pixels, double vectors, double depth,
                      double filter_bytes, double times) noexcept {
  constexpr double kAround = 10;
  // A step waits for the multiply-adds of the one before; short tiles run beside each other meanwhile.
  constexpr double kLatency = 4;
  constexpr double kShortDepth = 16;
  const double step = std::max(pixels * vectors / kMultiplyAddsPerCycle, depth < kShortDepth ? 0 : kLatency);
  const double multiply_adds = tiles * depth * step;
  const double arithmetic = kLosses * multiply_adds + tiles * kAround;
  const double stream = stream_cycles(caches, filter_bytes, times);
  // The one hides half of the other.
  return std::max(arithmetic, stream) + std::min(arithmetic, stream) / 2;
}

double direct_cycles(const KernelSet& kernels, const CacheSizes& caches, const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  const Conv2DBlocking& blocking = plan.blocking;
  const std::int64_t vectors = ceil_divide(blocking.padded_group_channels, kernels.vector_floats);
  const std::int64_t row_tiles = ceil_divide(shape.out_width, blocking.pixels_per_register_tile);
  const double depth = as_double(shape.filter_height * shape.filter_width * shape.in_channels / shape.groups);
  const double tiles =
      as_double(shape.batch * shape.out_height * row_tiles * blocking.blocks_per_group * shape.groups);
  const double pixels = as_double(shape.out_width) / as_double(row_tiles);
  const double vectors_per_tile = as_double(vectors) / as_double(blocking.blocks_per_group);
  const double filter_bytes = as_double(plan.packed_filter_floats * kFloatBytes);
  // Small groups do not fill their registers: the sums of each tile go by way of memory.
  constexpr double kRaggedTile = 500;
  const bool ragged = shape.out_channels / shape.groups % kernels.vector_floats != 0;
  const double ragged_tiles = shape.groups > 1 && ragged ? tiles / as_double(blocking.blocks_per_group) : 0;
  // And the edges of each group are copied by themselves.
  const double copies = shape.groups > 1 && vectors == 1 ? 1.2 : 1;
  return copies * product_cycles(caches, tiles, pixels, vectors_per_tile, depth, filter_bytes,
                                 as_double(shape.batch * blocking.row_tiles)) +
         kRaggedTile * ragged_tiles;
}

double pointwise_cycles(const KernelSet& kernels, const CacheSizes& caches, const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  const double pixels = as_double(shape.batch * shape.out_height * shape.out_width);
  const double panel = as_double(plan.product.rows_per_panel);
  const double vectors = as_double(ceil_divide(shape.out_channels, kernels.vector_floats));
  const double filter_bytes = as_double(plan.packed_filter_floats * kFloatBytes);
  const double blocks = as_double(plan.product.block_count);
  return product_cycles(caches, pixels / panel * blocks, panel, vectors / blocks,
                        as_double(shape.in_channels), filter_bytes, as_double(plan.product.row_tiles));
}

struct TransformCycles {
  double input;   // one register of input channels of one patch
  double output;  // one register of output channels
};

// With registers of a whole line, which are stored at half the rate of smaller ones.
TransformCycles transform_cycles_of_lines(const Conv2DPlan& plan) noexcept {
  const WinogradBlocking& winograd = plan.winograd;
  if (winograd.patch_height == 1) {
    switch (winograd.products) {
      case 5:
        return {20, 16};
      case 6:
        return {24, 20};
      case 8:
      case 9:
        return {28, 22};
      default:
        return {36, 28};
    }
  }
  if (plan.shape.stride_width == 2) {
    switch (winograd.products) {
      case 25:
        return {75, 60};
      case 36:
        return {140, 96};
      case 49:
        return {210, 115};
      case 81:
        return winograd.patch_width == 2 ? TransformCycles{360, 190} : TransformCycles{420, 440};
      case 100:
        return {450, 360};
      case 121:
        return {800, 620};
      default:
        return {1050, 720};
    }
  }
  switch (winograd.products) {
    case 16:
      return {36, 30};
    case 25:
      return {100, 80};
    case 36:
      return winograd.patch_width == 2 ? TransformCycles{139, 96} : TransformCycles{177, 127};
    case 49:
      return {170, 130};
    default:
      if (winograd.patch_width == 2) return {251, 108};
      return winograd.patch_width == 4 ? TransformCycles{322, 310} : TransformCycles{412, 278};
  }
}

TransformCycles transform_cycles(const KernelSet& kernels, const Conv2DPlan& plan) noexcept {
  const TransformCycles cycles = transform_cycles_of_lines(plan);
  constexpr double kSmallerRegisters = 0.67;
  if (kernels.vector_floats == 16) return cycles;
  return {kSmallerRegisters * cycles.input, kSmallerRegisters * cycles.output};
}

double winograd_cycles(const KernelSet& kernels, const CacheSizes& caches, const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  const WinogradBlocking& winograd = plan.winograd;
  const TransformCycles transform = transform_cycles(kernels, plan);
  constexpr double kOfPatch = 60;  // to find its place
  constexpr double kOfPixel = 3;   // the same, which may be outside of the image
  const double products = as_double(winograd.products);
  const double segments = as_double(winograd.segment_rows * winograd.segment_columns);
  const double patches = as_double(shape.batch * winograd.patch_rows * winograd.patch_columns);
  const double in_vectors = as_double(ceil_divide(shape.in_channels, kernels.vector_floats));
  const double out_vectors = as_double(ceil_divide(shape.out_channels, kernels.vector_floats));
  const double pixels = as_double(winograd.patches_per_register_tile);
  const double blocks = as_double(plan.pack_tile_count);
  const double filter_bytes = as_double(plan.packed_filter_floats * kFloatBytes);
  // A part of the groups transforms its own inputs.
  const double transformed = shape.groups > 1 ? 1 : as_double(winograd.channel_parts);
  // A second half of the patches finds the filter where the first one left it.
  const bool left = winograd.patch_tiles == 2 && filter_bytes <= as_double(caches.level2);
  const double times = left ? 1 : as_double(winograd.patch_tiles);
  // Short tiles of one register: those of one part do not follow those of another without a pause.
  constexpr double kShortTile = 45;
  const double tiles = products * patches / pixels * blocks;
  const bool short_tiles = shape.groups > 1 && out_vectors <= blocks;
  return product_cycles(caches, tiles, pixels, out_vectors / blocks, as_double(winograd.terms_per_part),
                        filter_bytes, times) +
         (short_tiles ? kShortTile * tiles : 0) +
         patches * (kOfPatch + segments * in_vectors * transform.input * transformed +
                    kOfPixel * products * as_double(winograd.channel_parts) + out_vectors * transform.output);
}

double winograd_row_cycles(const KernelSet& kernels, const CacheSizes& caches,
                           const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  const WinogradRowBlocking& row = plan.winograd_row;
  const double products = as_double(row.products);
  const double patches = as_double(shape.batch * shape.out_height * row.patches_per_row);
  const double vectors = as_double(ceil_divide(shape.out_channels, kernels.vector_floats));
  const double blocks = as_double(plan.pack_tile_count);
  // The stores of four registers that are not filled by channels.
  constexpr double kPartialStores = 15;
  // And stores to memory, a few pixels of some rows at a time: the wider the registers, the less arithmetic
  // is there to hide them.
  const double lanes = as_double(kernels.vector_floats);
  const double memory_stores = row.fetch_output ? lanes * lanes / 8 : 0;
  const bool ragged = shape.out_channels % kernels.vector_floats != 0;
  const double panels = as_double(ceil_divide(row.rows_per_tile, row.rows_per_register_tile));
  const double pixels = as_double(row.rows_per_tile) / panels;
  const double in_rows = as_double(shape.batch * row.row_tiles *
                                   ((row.rows_per_tile - 1) * shape.stride_height +
                                    (shape.filter_height - 1) * shape.dilation_height + 1));
  // A float at one time, but many channels by registers.
  constexpr double kOfManyChannels = 3;
  const double channels = as_double(shape.in_channels);
  const double copied =
      in_rows * as_double(shape.in_width) * std::min(channels, kOfManyChannels + channels / 8);
  const double transformed = in_rows * as_double(row.patches_per_row * shape.in_channels) / lanes * products;
  // Tiles of few terms wait for their stores, which registers of a whole line do at half the rate.
  constexpr double kLineStores = 1.5;
  const double tiles = products * patches / pixels * blocks;
  const double tile_stores =
      kernels.vector_floats == 16 ? kLineStores * tiles * pixels * vectors / blocks : 0;
  return product_cycles(caches, tiles, pixels, vectors / blocks,
                        as_double(shape.filter_height * shape.in_channels),
                        as_double(plan.packed_filter_floats * kFloatBytes),
                        panels * as_double(shape.batch * row.row_tiles * row.patches_per_row)) +
         tile_stores + copied + 3 * transformed + 2 * patches * vectors * products +
         (ragged ? kPartialStores * patches : 0) + memory_stores * patches * vectors;
}

double strassen_cycles(const KernelSet& kernels, const CacheSizes& caches, const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  const StrassenBlocking& strassen = plan.strassen;
  // For a pair of pixels: cycles of the left factors of one input channel, and of the sums of one channel of
  // each half of the output. (Measured with AVX2 and AVX-512: a matter of bytes rather than of registers.)
  constexpr double kLeftFactors = 1.1;
  constexpr double kSums = 1.4;
  const double pairs = as_double(ceil_divide(shape.out_height * shape.out_width, 2) * shape.batch);
  const double panel = as_double(strassen.pairs_per_register_tile);
  const double vectors = as_double(strassen.half_channels / kernels.vector_floats);
  const double blocks = as_double(strassen.block_count);
  const double tiles = as_double(shape.batch * strassen.pair_tiles);
  const double filter_bytes = as_double(plan.packed_filter_floats * kFloatBytes);
  const double factor_bytes = as_double(plan.workspace_floats * kFloatBytes);
  const bool fitting = plan.workspace_floats * kFloatBytes <= caches.level2;
  return product_cycles(caches, as_double(kStrassenProducts) * pairs / panel * blocks, panel,
                        vectors / blocks, as_double(strassen.half_depth), filter_bytes, tiles) +
         (fitting ? 0 : stream_cycles(caches, factor_bytes, tiles * blocks)) +
         pairs * (kLeftFactors * as_double(strassen.block_tiles * strassen.half_depth) +
                  kSums * as_double(strassen.half_channels));
}

double depthwise_cycles(const KernelSet& kernels, const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  // A load a multiply-add; but where the channels of input and output do not lie side by side, each register
  // of input is gathered (measured: 53 cycles with AVX2).
  constexpr double kGatherCycles = 50;
  const bool gathered = shape.out_channels != shape.in_channels || shape.out_channels < kernels.vector_floats;
  return (gathered ? kGatherCycles : 1) * as_double(shape.batch * shape.out_height * shape.out_width) *
         as_double(shape.filter_height * shape.filter_width) *
         as_double(ceil_divide(shape.out_channels, kernels.vector_floats));
}

double grouped_cycles(const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  const DepthwiseBlocking& blocking = plan.depthwise;
  // With stride 1 an input serves three pixels, else one or two. (Measured.)
  const double of_multiply_add = shape.stride_width == 2           ? 0.72
                                 : blocking.pixels_per_strip == 14 ? 0.52
                                                                   : 0.6;
  constexpr double kOfUnit = 10;
  const double strips = as_double(ceil_divide(shape.out_width, blocking.pixels_per_strip));
  const double multiply_adds =
      as_double(shape.filter_height * shape.filter_width * shape.in_channels / shape.groups);
  return as_double(shape.batch * shape.out_height * blocking.registers) * strips *
         (as_double(blocking.pixels_per_strip) * multiply_adds * of_multiply_add + kOfUnit);
}

}  // namespace

double conv2d_cycles(const KernelSet& kernels, const CacheSizes& caches, const Conv2DPlan& plan) noexcept {
  switch (plan.algorithm) {
    case Conv2DAlgorithm::direct:
      return direct_cycles(kernels, caches, plan);
    case Conv2DAlgorithm::pointwise:
      return pointwise_cycles(kernels, caches, plan);
    case Conv2DAlgorithm::depthwise:
      return depthwise_cycles(kernels, plan);
    case Conv2DAlgorithm::grouped:
      return grouped_cycles(plan);
    case Conv2DAlgorithm::winograd_2x2:
    case Conv2DAlgorithm::winograd_4x4:
    case Conv2DAlgorithm::winograd_6x6:
      return winograd_cycles(kernels, caches, plan);
    case Conv2DAlgorithm::winograd_1x4:
      return winograd_row_cycles(kernels, caches, plan);
    case Conv2DAlgorithm::strassen:
      return strassen_cycles(kernels, caches, plan);
    case Conv2DAlgorithm::automatic:
    case Conv2DAlgorithm::reference:
      break;
  }
  const Conv2DShape& shape = plan.shape;
  return as_double(shape.batch * shape.out_height * shape.out_width * shape.out_channels) *
         as_double(shape.filter_height * shape.filter_width * shape.in_channels / shape.groups);
}

}  // namespace varscope::simd
