// SPDX-License-Identifier: Apache-2.0
// Direct convolution over the image as it lies. A tile is some output rows of one image by some blocks of
// output channels of one group; each row is cut into register tiles of nearly equal width.
//
// Padding costs no branch in the inner loop: filter rows that fall outside of the image are left out, and
// only where a register tile reaches over the left or right edge are the few input columns it reads copied,
// with zeros for those that do not exist, into the workspace, which then takes the image's place.
#pragma once

#include "register_tile.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

// A half-open range.
struct Range {
  std::int64_t first;
  std::int64_t last;
};

// Which of `count` filter rows (or columns), `dilation` apart, hit an image of `size` from a window that
// starts at `start`.
VARSCOPE_SIMD_INLINE Range positions_inside(std::int64_t start, std::int64_t size, std::int64_t count,
                                            std::int64_t dilation) noexcept {
  const std::int64_t first = start >= 0 ? 0 : smaller((-start + dilation - 1) / dilation, count);
  const std::int64_t room = size - start;  // offsets from the start that are inside are smaller than this
  const std::int64_t last = room <= 0 ? 0 : smaller(count, (room - 1) / dilation + 1);
  return {first, larger(first, last)};
}

// Where the parts of one tile lie.
struct DirectTile {
  std::int64_t image;
  std::int64_t group;
  std::int64_t first_row;
  std::int64_t last_row;
  std::int64_t first_block;
  std::int64_t last_block;
};

VARSCOPE_SIMD_INLINE DirectTile locate_direct_tile(const Conv2DPlan& plan, std::int64_t tile) noexcept {
  const Conv2DBlocking& blocking = plan.blocking;
  std::int64_t row_tile;
  std::int64_t block_tile;
  const std::int64_t inner = tile % (blocking.row_tiles * blocking.block_tiles);
  const std::int64_t outer = tile / (blocking.row_tiles * blocking.block_tiles);
  if (blocking.rows_innermost) {
    row_tile = inner % blocking.row_tiles;
    block_tile = inner / blocking.row_tiles;
  } else {
    row_tile = inner / blocking.block_tiles;
    block_tile = inner % blocking.block_tiles;
  }
  const std::int64_t first_row = row_tile * blocking.rows_per_tile;
  const std::int64_t first_block = block_tile * blocking.blocks_per_tile;
  return {.image = outer / plan.shape.groups,
          .group = outer % plan.shape.groups,
          .first_row = first_row,
          .last_row = smaller(first_row + blocking.rows_per_tile, plan.shape.out_height),
          .first_block = first_block,
          .last_block = smaller(first_block + blocking.blocks_per_tile, blocking.blocks_per_group)};
}

// Copies `channels` floats of `columns` pixels of one image row from column `left` on, which may lie outside.
VARSCOPE_SIMD_INLINE void copy_columns(const float* row, std::int64_t pixel_floats, std::int64_t width,
                                       std::int64_t left, std::int64_t columns, std::int64_t channels,
                                       float* dst) noexcept {
  for (std::int64_t i = 0; i < columns; ++i, dst += channels) {
    const std::int64_t x = left + i;
    if (x >= 0 && x < width) {
      const float* src = row + x * pixel_floats;
      for (std::int64_t c = 0; c < channels; ++c) dst[c] = src[c];
    } else {
      for (std::int64_t c = 0; c < channels; ++c) dst[c] = 0.0f;
    }
  }
}

template <typename Arch>
void conv2d_direct_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                        std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const Conv2DBlocking& blocking = plan.blocking;
  const DirectTile where = locate_direct_tile(plan, tile);
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  const std::int64_t filter_positions = shape.filter_height * shape.filter_width;
  const std::int64_t row_floats = shape.in_width * shape.in_channels;
  const float* image = arguments.input + where.image * shape.in_height * row_floats + where.group * group_in;
  const std::int64_t block_floats = filter_positions * group_in * blocking.channels_per_block;
  const std::int64_t group_floats = filter_positions * group_in * blocking.padded_group_channels;
  const std::int64_t register_tiles =
      (shape.out_width + blocking.pixels_per_register_tile - 1) / blocking.pixels_per_register_tile;
  const std::int64_t reach =
      (shape.filter_width - 1) * shape.dilation_width;  // from a window's first column to its last

  for (std::int64_t first_channel = 0; first_channel < group_in;
       first_channel += blocking.channels_per_chunk) {
    const std::int64_t channels = smaller(blocking.channels_per_chunk, group_in - first_channel);
    // Adjacent filter columns of all channels are one run of floats.
    const bool joined = shape.dilation_width == 1 && channels == shape.in_channels;
    for (std::int64_t block = where.first_block; block < where.last_block; ++block) {
      const std::int64_t block_channel = block * blocking.channels_per_block;
      const std::int64_t block_channels = smaller(blocking.channels_per_block, group_out - block_channel);
      const std::int64_t vectors = (block_channels + kLanes<Arch> - 1) / kLanes<Arch>;
      const std::int64_t packed_channels = vectors * kLanes<Arch>;
      const std::int64_t out_channel = where.group * group_out + block_channel;
      const float* filter = arguments.packed_filter + where.group * group_floats + block * block_floats +
                            first_channel * filter_positions * packed_channels;
      const std::int64_t filter_row_floats = shape.filter_width * channels * packed_channels;

      TileOutput out = {
          .pixels = nullptr,
          .pixel_step = shape.out_channels,
          .channels = block_channels,
          .bias = arguments.epilogue.bias == nullptr ? nullptr : arguments.epilogue.bias + out_channel,
          .residual = nullptr,
          .activation = arguments.epilogue.activation,
          .first_pass = first_channel == 0,
          .last_pass = first_channel + channels == group_in};
      for (std::int64_t y = where.first_row; y < where.last_row; ++y) {
        const std::int64_t top = y * shape.stride_height - shape.pad_top;
        const Range rows = positions_inside(top, shape.in_height, shape.filter_height, shape.dilation_height);
        const float* first_input_row =
            image + (top + rows.first * shape.dilation_height) * row_floats + first_channel;
        const std::int64_t out_row = (where.image * shape.out_height + y) * shape.out_width;
        for (std::int64_t i = 0; i < register_tiles; ++i) {
          const std::int64_t x = i * shape.out_width / register_tiles;
          const std::int64_t pixels = (i + 1) * shape.out_width / register_tiles - x;
          const std::int64_t left = x * shape.stride_width - shape.pad_left;
          const std::int64_t columns = (pixels - 1) * shape.stride_width + reach + 1;
          TileInput in = {.pixels = nullptr,
                          .pixel_step = shape.stride_width * shape.in_channels,
                          .row_step = shape.dilation_height * row_floats,
                          .column_step = shape.dilation_width * shape.in_channels,
                          .rows = rows.last - rows.first,
                          .columns = joined ? 1 : shape.filter_width,
                          .channels = joined ? shape.filter_width * channels : channels,
                          .filter = filter + rows.first * filter_row_floats};
          if (left < 0 || left + columns > shape.in_width) {
            for (std::int64_t r = 0; r < in.rows; ++r) {
              copy_columns(first_input_row + r * in.row_step, shape.in_channels, shape.in_width, left,
                           columns, channels, arguments.workspace + r * columns * channels);
            }
            in.pixels = arguments.workspace;
            in.pixel_step = shape.stride_width * channels;
            in.row_step = columns * channels;
            in.column_step = shape.dilation_width * channels;
          } else {
            in.pixels = first_input_row + left * shape.in_channels;
          }
          const std::int64_t first_output = (out_row + x) * shape.out_channels + out_channel;
          out.pixels = arguments.output + first_output;
          out.residual =
              arguments.epilogue.residual == nullptr ? nullptr : arguments.epilogue.residual + first_output;
          register_tile<Arch>(pixels, vectors)(in, out);
        }
      }
    }
  }
}

}  // namespace
}  // namespace varscope::simd
