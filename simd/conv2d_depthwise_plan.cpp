// SPDX-License-Identifier: Apache-2.0
#include "conv2d_depthwise_plan.hpp"

#include "conv2d_pack.hpp"
#include "tiling.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace varscope::simd {

namespace {

constexpr std::int64_t kLineBytes = 64;
constexpr std::int64_t kLineFloats = kLineBytes / kFloatBytes;

// Of a block, where there are so many. A few lines on end are what a processor's prefetcher needs; large
// filters give it more time.
std::int64_t fewest_channels(const Conv2DShape& shape) noexcept {
  const std::int64_t wanted = shape.filter_height * shape.filter_width > 9 ? 32 : 64;
  return std::min(wanted, shape.out_channels);
}

// Whether the strips of kernels/depthwise_strips.inl.hpp compute the shape: one filter a channel and a
// register of channels, a filter of 3, 5 or 7 columns, and no window that lies outside of the image as a
// whole, so that only a strip's first and last columns can be outside.
bool depthwise_has_strips(const Conv2DShape& shape, std::int64_t lanes) noexcept {
  const std::int64_t reach = (shape.filter_width - 1) * shape.dilation_width;
  return shape.out_channels == shape.in_channels && shape.out_channels >= lanes &&
         (shape.filter_width == 3 || shape.filter_width == 5 || shape.filter_width == 7) &&
         shape.filter_height <= kDepthwiseFilterRows &&
         (shape.stride_width == 1 || (shape.stride_width == 2 && shape.dilation_width == 1)) &&
         shape.pad_left <= reach &&
         (shape.out_width - 1) * shape.stride_width - shape.pad_left < shape.in_width;
}

// Columns of a strip. Dilated ones are as far apart as its pixels.
std::int64_t strip_columns(const Conv2DShape& shape, std::int64_t pixels) noexcept {
  return (pixels - 1) * shape.stride_width + shape.filter_width;
}

// Of the lines that a strip reads for one row of outputs and for the next one, so many channels: the share
// that has no place in so many ways of the first-level cache. Its sets are chosen by the address within a
// page: pixels of 256, 512 or 1024 channels share few, and so do rows a page apart.
double share_without_place(const Conv2DShape& shape, std::int64_t pixels, std::int64_t channels,
                           std::int64_t ways) noexcept {
  constexpr std::int64_t kSets = 64;
  std::array<std::int64_t, kSets> lines = {};
  const std::int64_t rows = shape.filter_height + shape.stride_height;
  const std::int64_t column_floats = shape.dilation_width * shape.in_channels;
  const std::int64_t row_floats = shape.dilation_height * shape.in_width * shape.in_channels;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < strip_columns(shape, pixels); ++column) {
      const std::int64_t first = (row * row_floats + column * column_floats) / kLineFloats;
      for (std::int64_t line = 0; line < ceil_divide(channels, kLineFloats); ++line) {
        ++lines[static_cast<std::size_t>((first + line) % kSets)];
      }
    }
  }
  std::int64_t beyond = 0;
  for (const std::int64_t of_set : lines) beyond += std::max<std::int64_t>(of_set - ways, 0);
  return static_cast<double>(beyond) /
         static_cast<double>(std::accumulate(lines.begin(), lines.end(), std::int64_t{0}));
}

// Ways of the first-level cache: x86 has one for each page that it is as large as.
std::int64_t ways_of(const CacheSizes& caches) noexcept {
  constexpr std::int64_t kPageBytes = 4096;
  return std::max<std::int64_t>(caches.level1_data / kPageBytes, 1);
}

// Whether the inputs of a strip wait for each other in the second-level cache, as pixels a multiple of 512
// bytes apart do: measured, they take a sixth longer from there, a multiple of 1024 apart a third. They do
// not if some lines of each pixel come at one time, which with stride 1 costs more than it gains.
bool takes_several_registers(const Conv2DShape& shape) noexcept {
  constexpr std::int64_t kApartFloats = 128;
  return shape.filter_width == 3 && shape.stride_width == 2 && shape.in_channels % kApartFloats == 0;
}

// Of a unit of work: as many as there are places for their sums and weights.
std::int64_t registers_of_units(const Conv2DShape& shape, std::int64_t pixels, bool many_registers) noexcept {
  if (!takes_several_registers(shape) || pixels == 1) return 1;
  return many_registers ? 3 : pixels == 4 ? 2 : 1;
}

// Whether a strip's inputs are worth copying beside each other (measured). The more so the more often each is
// read.
bool worth_copying(const Conv2DShape& shape, const CacheSizes& caches, std::int64_t pixels) noexcept {
  // Strided, those between dilated ones are copied too.
  const std::int64_t rows =
      shape.stride_height == 1 ? shape.filter_height : (shape.filter_height - 1) * shape.dilation_height + 1;
  const bool large_filter = shape.filter_height * shape.filter_width > 9;
  const double most_without_place = takes_several_registers(shape) ? 0.8
                                    : shape.stride_width > 1       ? 0.5
                                    : large_filter                 ? 0.3
                                                                   : 0.65;
  return rows <= kDepthwiseCopiedRows &&
         share_without_place(shape, pixels, fewest_channels(shape), ways_of(caches)) > most_without_place;
}

// How much longer a strip takes that has to be copied, or does not fit the first-level cache. The weights and
// the outputs take a quarter of that. (Measured.)
double slowdown(const Conv2DShape& shape, const CacheSizes& caches, std::int64_t pixels,
                bool many_registers) noexcept {
  if (worth_copying(shape, caches, pixels)) return 1.5;
  const std::int64_t registers = registers_of_units(shape, pixels, many_registers);
  if (registers == 3) return 1;
  const double crowded = share_without_place(shape, pixels, fewest_channels(shape), ways_of(caches) * 3 / 4);
  const double multiply_adds = many_registers ? 14 : registers == 1 ? 18 : 9;  // that a line takes
  return 1 + multiply_adds * static_cast<double>(shape.stride_width) * crowded /
                 static_cast<double>(shape.filter_height * shape.filter_width);
}

// The fewest pixels that one strip after the other compute in a row, those of overlaps twice. Each strip
// takes the time of three more for its weights.
std::int64_t pixels_of_strips(const Conv2DShape& shape, const CacheSizes& caches,
                              bool many_registers) noexcept {
  constexpr std::int64_t kPixelsAStrip = 3;
  const std::int64_t pixel_step = std::min(shape.dilation_width, shape.out_width);
  const std::int64_t fewest = shape.out_width / pixel_step;
  const std::int64_t most = ceil_divide(shape.out_width, pixel_step);
  std::int64_t best = 1;
  double best_cost = std::numeric_limits<double>::infinity();
  for (const std::int64_t pixels : kDepthwisePixels) {
    // Of inputs that all have to come for one use or two, so many do not stay in the cache.
    const bool too_wide =
        pixels == 14 && (!many_registers || (shape.stride_width == 2 && shape.filter_width == 3));
    if (pixels > fewest || too_wide) continue;
    const double cost = slowdown(shape, caches, pixels, many_registers) *
                        static_cast<double>(ceil_divide(most, pixels) * (pixels + kPixelsAStrip));
    if (cost < best_cost) best = pixels;
    best_cost = std::min(best_cost, cost);
  }
  return best;
}

// The same of groups, whose inputs are read again for each of their channels. Each strip takes the time of
// one pixel more; strided, those of 14 are slower.
std::int64_t pixels_of_grouped_strips(const Conv2DShape& shape, bool many_registers) noexcept {
  const std::int64_t most = shape.out_width / std::min(shape.dilation_width, shape.out_width);
  const auto cost = [&](std::int64_t pixels) { return ceil_divide(shape.out_width, pixels) * (pixels + 1); };
  std::int64_t best = 1;
  for (const std::int64_t pixels : kDepthwisePixels) {
    const bool too_wide = pixels == 14 && (!many_registers || shape.stride_width == 2);
    if (pixels > most || too_wide) continue;
    if (best == 1 || cost(pixels) < cost(best)) best = pixels;
  }
  return best;
}

// The channels of a block (measured).
std::int64_t channels_of_block(const Conv2DShape& shape, const DepthwiseBlocking& blocking,
                               const CacheSizes& caches) noexcept {
  if (blocking.copied) return 128;
  if (blocking.registers_per_unit > 1) {
    const std::int64_t floats =
        shape.in_channels * (shape.in_height * shape.in_width + shape.out_height * shape.out_width);
    if (floats * kFloatBytes <= caches.level2 || shape.out_channels <= 128) return 128;
    return blocking.pixels_per_strip == 4 ? 256 : 96;
  }
  constexpr double kMostWithoutPlace = 1.0 / 8;
  const auto without_place = [&](std::int64_t channels) {
    return share_without_place(shape, blocking.pixels_per_strip, channels, ways_of(caches) * 3 / 4);
  };
  std::int64_t channels = std::min<std::int64_t>(shape.out_channels, 192);
  while (channels > fewest_channels(shape) && without_place(channels) > kMostWithoutPlace) {
    const std::int64_t fewer = std::max(ceil_divide(channels, 2), fewest_channels(shape));
    const bool fewer_help = shape.filter_width == 7 || without_place(fewer) < without_place(channels);
    if (!fewer_help) break;
    channels = fewer;
  }
  return channels;
}

// Blocks of about so many registers of channels.
void cut_registers(std::int64_t lanes, std::int64_t wanted, const Conv2DShape& shape,
                   DepthwiseBlocking* blocking) noexcept {
  std::int64_t per_block = 1;
  cut_evenly(blocking->registers, wanted, &per_block, &blocking->blocks);
  // The last register of channels may overlap the one before, which must not be another tile's then.
  const bool overlaps = shape.out_channels % lanes != 0;
  while (overlaps && blocking->blocks > 1 && blocking->registers - (blocking->blocks - 1) * per_block == 1) {
    blocking->blocks = ceil_divide(blocking->registers, ++per_block);
  }
  blocking->channels_per_block = per_block * lanes;
}

// The blocks of channels, and whether they are copied beside each other.
void cut_channels(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  DepthwiseBlocking& blocking = plan->depthwise;
  const std::int64_t lanes = kernels.vector_floats;
  blocking.copied = worth_copying(shape, caches, blocking.pixels_per_strip);
  blocking.registers_per_unit =
      registers_of_units(shape, blocking.pixels_per_strip, kernels.tile_pixels >= 12);
  const std::int64_t channels = std::min(channels_of_block(shape, blocking, caches), shape.out_channels);
  cut_registers(lanes, std::max<std::int64_t>(channels / lanes, 1), shape, &blocking);
  plan->workspace_floats = blocking.copied
                               ? kDepthwiseCopiedRows * strip_columns(shape, blocking.pixels_per_strip) *
                                     std::min(blocking.channels_per_block, shape.out_channels)
                               : 0;
}

// Which strips are a tile: an even number of equal tiles, each of about so many strips, or all of them. (Two
// tiles must not write the same outputs, so a last strip that overlaps the one before is not a tile.)
void cut_strips(const Conv2DShape& shape, std::int64_t wanted, DepthwiseBlocking* blocking) noexcept {
  const std::int64_t pixels = blocking->pixels_per_strip;
  const std::int64_t strips = ceil_divide(shape.out_width, pixels);
  const std::int64_t fewest = shape.out_width % pixels == 0 ? 1 : 2;
  for (std::int64_t tiles = 2; tiles * fewest <= strips; tiles += 2) {
    if (strips % tiles != 0) continue;
    blocking->columns_per_tile = strips / tiles * pixels;
    blocking->column_tiles = tiles;
    if (strips / tiles <= wanted) break;
  }
}

// The tiles and the filter, once the blocks are cut. An output takes so many multiply-adds for each register
// of channels.
void plan_tiles(const KernelSet& kernels, std::int64_t multiply_adds, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  DepthwiseBlocking& blocking = plan->depthwise;
  blocking.columns_per_tile = shape.out_width;
  blocking.column_tiles = 1;
  // An output waits for memory as long as some 60 multiply-adds take. Four tiles or eight, no more than the
  // threads need: the filter's rows overlap from tile to tile. Strips do anyway, so they are cut first.
  const std::int64_t flops_per_pixel = 2 * (60 + multiply_adds) * blocking.channels_per_block;
  const std::int64_t flops_per_block = flops_per_pixel * shape.out_width * shape.out_height;
  const std::int64_t flops = shape.batch * blocking.blocks * flops_per_block;
  const std::int64_t wanted = std::max(
      {std::min(flops / 4, kFlopsPerTile), std::min(flops / 8, 4 * kFlopsPerTile), kFlopsPerTile / 4});
  cut_evenly(blocking.blocks, std::max<std::int64_t>(wanted / flops_per_block, 1), &blocking.blocks_per_tile,
             &blocking.block_tiles);
  if (blocking.pixels_per_strip > 0 && shape.dilation_width == 1 && wanted < flops_per_block) {
    const std::int64_t flops_per_strip = flops_per_pixel * blocking.pixels_per_strip * shape.out_height;
    cut_strips(shape, wanted / flops_per_strip, &blocking);
  }
  const std::int64_t others = shape.batch * blocking.block_tiles * blocking.column_tiles;
  const std::int64_t flops_per_row = flops_per_pixel * blocking.columns_per_tile * blocking.blocks_per_tile;
  const std::int64_t rows = std::clamp<std::int64_t>(wanted / flops_per_row, 1, shape.out_height);
  cut_for_threads(shape.out_height, rows, 1, others, &blocking.rows_per_tile, &blocking.row_tiles);
  plan->tile_count = others * blocking.row_tiles;
  plan->packed_filter_floats = blocking.registers * multiply_adds * kernels.vector_floats;
  plan->pack_tile_count = 1;
  plan->pack_filter_tile = pack_strips_filter;
}

}  // namespace

void plan_depthwise(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  DepthwiseBlocking& blocking = plan->depthwise;
  const std::int64_t lanes = kernels.vector_floats;
  const std::int64_t positions = shape.filter_height * shape.filter_width;
  blocking.registers = ceil_divide(shape.out_channels, lanes);
  if (depthwise_has_strips(shape, lanes)) {
    blocking.pixels_per_strip = pixels_of_strips(shape, caches, kernels.tile_pixels >= 12);
    cut_channels(kernels, caches, plan);
  } else {
    blocking.blocks = 1;
    blocking.channels_per_block = blocking.registers * lanes;
  }
  plan_tiles(kernels, positions, plan);
  plan->run_tile = kernels.conv2d.depthwise_tile;
}

const char* refusal_of_grouped(const KernelSet& kernels, const Conv2DShape& shape) noexcept {
  if (kernels.conv2d.grouped_tile == nullptr) return "the kernel set has no grouped convolution";
  const std::int64_t inputs = shape.in_channels / shape.groups;
  if (shape.in_channels != shape.out_channels)
    return "grouped needs as many output channels as input channels";
  if ((inputs != 4 && inputs != 8 && inputs != 16) || inputs > kernels.vector_floats) {
    return "grouped needs groups of 4, 8 or 16 channels that are no more than a register";
  }
  if (shape.filter_width != kGroupedFilterColumns || !depthwise_has_strips(shape, kernels.vector_floats)) {
    return "grouped needs a filter of 3 columns, stride 1 or 2, at least a register of channels and windows "
           "that reach into the image";
  }
  return nullptr;
}

void plan_grouped(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  DepthwiseBlocking& blocking = plan->depthwise;
  const std::int64_t lanes = kernels.vector_floats;
  const std::int64_t multiply_adds =
      shape.filter_height * shape.filter_width * (shape.in_channels / shape.groups);
  blocking.registers = ceil_divide(shape.out_channels, lanes);
  blocking.pixels_per_strip = pixels_of_grouped_strips(shape, kernels.tile_pixels >= 12);
  // The filter, which is all read for each row of a strip, takes half of the first-level cache.
  const std::int64_t filter_bytes = multiply_adds * lanes * kFloatBytes;
  cut_registers(lanes, std::max<std::int64_t>(caches.level1_data / 2 / filter_bytes, 1), shape, &blocking);
  plan_tiles(kernels, multiply_adds, plan);
  plan->run_tile = kernels.conv2d.grouped_tile;
}

}  // namespace varscope::simd
