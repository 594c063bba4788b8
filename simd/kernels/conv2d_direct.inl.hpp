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
struct DirectTilePlace {
  std::int64_t image;
  std::int64_t group;
  std::int64_t first_row;
  std::int64_t last_row;
  std::int64_t first_block;
  std::int64_t last_block;
};

VARSCOPE_SIMD_INLINE DirectTilePlace locate_direct_tile(const Conv2DPlan& plan, std::int64_t tile) noexcept {
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

// Copies `channels` floats of each of `columns` pixels of an image row, from column `left` on; pixels outside
// of the row are zeros.
VARSCOPE_SIMD_INLINE void copy_columns(const float* row, std::int64_t pixel_floats, std::int64_t width,
                                       std::int64_t left, std::int64_t columns, std::int64_t channels,
                                       float* dst) noexcept {
  const std::int64_t first = smaller(larger<std::int64_t>(-left, 0), columns);
  const std::int64_t last = larger(smaller(width - left, columns), first);
  for (std::int64_t i = 0; i < first * channels; ++i) dst[i] = 0.0f;
  if (channels == pixel_floats) {
    const float* src = row + left * channels;
    for (std::int64_t i = first * channels; i < last * channels; ++i) dst[i] = src[i];
  } else {
    for (std::int64_t x = first; x < last; ++x) {
      const float* src = row + (left + x) * pixel_floats;
      for (std::int64_t c = 0; c < channels; ++c) dst[x * channels + c] = src[c];
    }
  }
  for (std::int64_t i = last * channels; i < columns * channels; ++i) dst[i] = 0.0f;
}

// One pass over a tile: the sums over some of the input channels.
template <typename Arch>
class DirectPass {
 public:
  DirectPass(const Conv2DPlan& plan, const Conv2DArguments& arguments, const DirectTilePlace& place,
             std::int64_t first_channel) noexcept
      : shape_(plan.shape),
        blocking_(plan.blocking),
        arguments_(arguments),
        place_(place),
        group_in_(shape_.in_channels / shape_.groups),
        group_out_(shape_.out_channels / shape_.groups),
        first_channel_(first_channel),
        channels_(smaller(blocking_.channels_per_chunk, group_in_ - first_channel)),
        row_floats_(shape_.in_width * shape_.in_channels),
        positions_(shape_.filter_height * shape_.filter_width),
        joined_(shape_.dilation_width == 1 && channels_ == shape_.in_channels) {}

  VARSCOPE_SIMD_INLINE void run() const noexcept {
    for (std::int64_t y = place_.first_row; y < place_.last_row; ++y) run_row(y);
  }

 private:
  VARSCOPE_SIMD_INLINE void run_row(std::int64_t y) const noexcept {
    const std::int64_t top = y * shape_.stride_height - shape_.pad_top;
    const Range rows = positions_inside(top, shape_.in_height, shape_.filter_height, shape_.dilation_height);
    const std::int64_t in_y = rows.first < rows.last ? top + rows.first * shape_.dilation_height : 0;
    const float* input = arguments_.input + (place_.image * shape_.in_height + in_y) * row_floats_ +
                         place_.group * group_in_ + first_channel_;
    const std::int64_t out_row = (place_.image * shape_.out_height + y) * shape_.out_width;
    const std::int64_t tiles =
        (shape_.out_width + blocking_.pixels_per_register_tile - 1) / blocking_.pixels_per_register_tile;
    for (std::int64_t i = 0; i < tiles; ++i) {
      const std::int64_t x = i * shape_.out_width / tiles;
      const std::int64_t pixels = (i + 1) * shape_.out_width / tiles - x;
      const TileInput in = read_tile(input, rows, x, pixels);
      for (std::int64_t block = place_.first_block; block < place_.last_block; ++block) {
        run_block(in, rows.first, out_row + x, pixels, block);
      }
    }
  }

  // What `pixels` output pixels from x on read: the image, or the workspace where they reach over its edges.
  VARSCOPE_SIMD_INLINE TileInput read_tile(const float* input, const Range& rows, std::int64_t x,
                                           std::int64_t pixels) const noexcept {
    const std::int64_t left = x * shape_.stride_width - shape_.pad_left;
    const std::int64_t columns =
        (pixels - 1) * shape_.stride_width + (shape_.filter_width - 1) * shape_.dilation_width + 1;
    const std::int64_t row_step = shape_.dilation_height * row_floats_;
    const bool inside = left >= 0 && left + columns <= shape_.in_width;
    if (!inside) {
      for (std::int64_t r = 0; r < rows.last - rows.first; ++r) {
        copy_columns(input + r * row_step, shape_.in_channels, shape_.in_width, left, columns, channels_,
                     arguments_.workspace + r * columns * channels_);
      }
    }
    const std::int64_t pixel_floats = inside ? shape_.in_channels : channels_;
    return {.pixels = inside ? input + left * shape_.in_channels : arguments_.workspace,
            .pixel_step = shape_.stride_width * pixel_floats,
            .row_step = inside ? row_step : columns * channels_,
            .column_step = shape_.dilation_width * pixel_floats,
            .rows = rows.last - rows.first,
            .columns = joined_ ? 1 : shape_.filter_width,
            .channels = joined_ ? shape_.filter_width * channels_ : channels_,
            .filter = nullptr};
  }

  VARSCOPE_SIMD_INLINE void run_block(TileInput in, std::int64_t first_filter_row, std::int64_t out_pixel,
                                      std::int64_t pixels, std::int64_t block) const noexcept {
    const std::int64_t block_channel = block * blocking_.channels_per_block;
    const std::int64_t block_channels = smaller(blocking_.channels_per_block, group_out_ - block_channel);
    const std::int64_t vectors = (block_channels + kLanes<Arch> - 1) / kLanes<Arch>;
    const std::int64_t packed_channels = vectors * kLanes<Arch>;
    in.filter =
        arguments_.packed_filter +
        positions_ * group_in_ * (place_.group * blocking_.padded_group_channels + block_channel) +
        (first_channel_ * positions_ + first_filter_row * shape_.filter_width * channels_) * packed_channels;
    const std::int64_t out_channel = place_.group * group_out_ + block_channel;
    const std::int64_t index = out_pixel * shape_.out_channels + out_channel;
    const Conv2DEpilogue& epilogue = arguments_.epilogue;
    const TileOutput out = {.pixels = arguments_.output + index,
                            .pixel_step = shape_.out_channels,
                            .channels = block_channels,
                            .bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + out_channel,
                            .residual = epilogue.residual == nullptr ? nullptr : epilogue.residual + index,
                            .activation = epilogue.activation,
                            .first_pass = first_channel_ == 0,
                            .last_pass = first_channel_ + channels_ == group_in_};
    register_tile<Arch>(pixels, vectors)(in, out);
  }

  const Conv2DShape& shape_;
  const Conv2DBlocking& blocking_;
  const Conv2DArguments& arguments_;
  const DirectTilePlace place_;
  const std::int64_t group_in_;
  const std::int64_t group_out_;
  const std::int64_t first_channel_;
  const std::int64_t channels_;
  const std::int64_t row_floats_;
  const std::int64_t positions_;
  const bool joined_;  // filter columns and channels are one run of floats, in the image and in the filter
};

template <typename Arch>
void conv2d_direct_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                        std::int64_t tile) noexcept {
  const DirectTilePlace place = locate_direct_tile(plan, tile);
  const std::int64_t group_in = plan.shape.in_channels / plan.shape.groups;
  for (std::int64_t channel = 0; channel < group_in; channel += plan.blocking.channels_per_chunk) {
    DirectPass<Arch>(plan, arguments, place, channel).run();
  }
}

}  // namespace
}  // namespace varscope::simd
