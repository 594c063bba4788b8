// SPDX-License-Identifier: Apache-2.0
// The filter's gradient, directly. A tile is a chunk of the batch's rows by some blocks of output channels of
// one group by some filter rows. It goes through its chunk in passes of a few output rows: the input rows
// that they read are copied with zeros for the padding, so that the inner loop has no edges, and small enough
// to stay in the caches while all taps of the filter pass over them.
//
// Columns and channels of a filter row are one run of floats in the copy, from any pixel on (without
// dilation); register tiles are cut from that run, so that few channels make no small tiles.
#pragma once

#include "conv2d_direct.inl.hpp"
#include "outer_product_tile.inl.hpp"

#include <varscope/simd/conv2d_backprop_filter.hpp>

namespace varscope::simd {
namespace {

template <typename Arch>
class BackpropFilterTile {
 public:
  BackpropFilterTile(const Conv2DBackpropFilterPlan& plan, const Conv2DBackpropFilterArguments& arguments,
                     std::int64_t tile) noexcept
      : shape_(plan.shape),
        blocking_(plan.blocking),
        arguments_(arguments),
        group_in_(shape_.in_channels / shape_.groups),
        group_out_(shape_.out_channels / shape_.groups),
        positions_(shape_.filter_height * shape_.filter_width) {
    const std::int64_t filter_row_tile = tile % blocking_.filter_row_tiles;
    tile /= blocking_.filter_row_tiles;
    const std::int64_t block_tile = tile % blocking_.block_tiles;
    tile /= blocking_.block_tiles;
    group_ = tile % shape_.groups;
    const std::int64_t chunk = tile / shape_.groups;
    filter_rows_ = {filter_row_tile * blocking_.filter_rows_per_tile,
                    smaller((filter_row_tile + 1) * blocking_.filter_rows_per_tile, shape_.filter_height)};
    blocks_ = {block_tile * blocking_.blocks_per_tile,
               smaller((block_tile + 1) * blocking_.blocks_per_tile, blocking_.blocks_per_group)};
    passes_ = {chunk * blocking_.passes_per_chunk,
               smaller((chunk + 1) * blocking_.passes_per_chunk, shape_.batch * blocking_.row_passes)};
    sums_ = arguments.sums + chunk * positions_ * group_in_ * shape_.groups * blocking_.padded_group_channels;
    const bool adjacent = shape_.dilation_width == 1 && blocking_.pixel_floats == group_in_;
    runs_ = adjacent ? 1 : shape_.filter_width;
    run_floats_ = adjacent ? shape_.filter_width * group_in_ : group_in_;
  }

  VARSCOPE_SIMD_INLINE void run() noexcept {
    for (std::int64_t pass = passes_.first; pass < passes_.last; ++pass) {
      image_ = pass / blocking_.row_passes;
      const std::int64_t first = pass % blocking_.row_passes * blocking_.rows_per_pass;
      rows_ = {first, smaller(first + blocking_.rows_per_pass, shape_.out_height)};
      copy_input();
      float* copied = arguments_.workspace + input_rows() * blocking_.columns * blocking_.pixel_floats;
      for (std::int64_t block = blocks_.first; block < blocks_.last; ++block) {
        run_block(block, pass == passes_.first, copied);
      }
    }
  }

 private:
  // Input rows from the first one that the pass reads to the last.
  VARSCOPE_SIMD_INLINE std::int64_t input_rows() const noexcept {
    return (rows_.last - rows_.first - 1) * shape_.stride_height +
           (filter_rows_.last - filter_rows_.first - 1) * shape_.dilation_height + 1;
  }

  VARSCOPE_SIMD_INLINE void copy_input() const noexcept {
    const std::int64_t row_floats = blocking_.columns * blocking_.pixel_floats;
    const std::int64_t top =
        rows_.first * shape_.stride_height + filter_rows_.first * shape_.dilation_height - shape_.pad_top;
    const std::int64_t rows = input_rows();
    for (std::int64_t i = 0; i < rows; ++i) {
      float* dst = arguments_.workspace + i * row_floats;
      const std::int64_t y = top + i;
      if (y < 0 || y >= shape_.in_height) {
        for (std::int64_t j = 0; j < row_floats; ++j) dst[j] = 0.0f;
        continue;
      }
      const float* src = arguments_.input +
                         (image_ * shape_.in_height + y) * shape_.in_width * shape_.in_channels +
                         group_ * group_in_;
      if (blocking_.pixel_floats == group_in_) {
        copy_columns(src, shape_.in_channels, shape_.in_width, -shape_.pad_left, blocking_.columns, group_in_,
                     dst);
        continue;
      }
      for (std::int64_t x = 0; x < blocking_.columns; ++x) {
        copy_columns(src, shape_.in_channels, shape_.in_width, x - shape_.pad_left, 1, group_in_,
                     dst + x * blocking_.pixel_floats);
      }
    }
  }

  // `channels` of each pixel of the pass, from `src` on, filled up with zeros to `width`.
  VARSCOPE_SIMD_INLINE void copy_out_backprop(const float* src, std::int64_t channels, std::int64_t width,
                                              float* dst) const noexcept {
    const std::int64_t pixels = (rows_.last - rows_.first) * shape_.out_width;
    for (std::int64_t i = 0; i < pixels; ++i, src += shape_.out_channels, dst += width) {
      for (std::int64_t k = 0; k < channels; ++k) dst[k] = src[k];
      for (std::int64_t k = channels; k < width; ++k) dst[k] = 0.0f;
    }
  }

  VARSCOPE_SIMD_INLINE void run_block(std::int64_t block, bool first_pass, float* copied) const noexcept {
    const std::int64_t first_channel = block * blocking_.channels_per_block;
    const std::int64_t channels = smaller(blocking_.channels_per_block, group_out_ - first_channel);
    const std::int64_t vectors = (channels + kLanes<Arch> - 1) / kLanes<Arch>;
    const std::int64_t width = vectors * kLanes<Arch>;
    const float* out_backprop =
        arguments_.out_backprop +
        (image_ * shape_.out_height + rows_.first) * shape_.out_width * shape_.out_channels +
        group_ * group_out_ + first_channel;
    std::int64_t pixel_step = shape_.out_channels;
    if (blocking_.copies_out_backprop) {
      copy_out_backprop(out_backprop, channels, width, copied);
      out_backprop = copied;
      pixel_step = width;
    }
    const std::int64_t row_floats = blocking_.columns * blocking_.pixel_floats;
    OuterProductInput in = {.a = nullptr,
                            .a_row_step = shape_.stride_height * row_floats,
                            .a_column_step = shape_.stride_width * blocking_.pixel_floats,
                            .b = out_backprop,
                            .b_row_step = shape_.out_width * pixel_step,
                            .b_column_step = pixel_step,
                            .rows = rows_.last - rows_.first,
                            .columns = shape_.out_width};
    float* const sums =
        sums_ + positions_ * group_in_ * (group_ * blocking_.padded_group_channels + first_channel);
    const std::int64_t tiles = (run_floats_ + kTilePixels<Arch> - 1) / kTilePixels<Arch>;
    for (std::int64_t r = filter_rows_.first; r < filter_rows_.last; ++r) {
      for (std::int64_t run = 0; run < runs_; ++run) {
        const float* a = arguments_.workspace +
                         (r - filter_rows_.first) * shape_.dilation_height * row_floats +
                         run * shape_.dilation_width * blocking_.pixel_floats;
        float* run_sums = sums + (r * runs_ + run) * run_floats_ * width;
        for (std::int64_t tile = 0; tile < tiles; ++tile) {
          const std::int64_t first = tile * run_floats_ / tiles;
          const std::int64_t count = (tile + 1) * run_floats_ / tiles - first;
          in.a = a + first;
          outer_product_tile<Arch>(count, vectors)(
              in, {.sums = run_sums + first * width, .step = width, .first_pass = first_pass});
        }
      }
    }
  }

  const Conv2DShape& shape_;
  const Conv2DBackpropFilterBlocking& blocking_;
  const Conv2DBackpropFilterArguments& arguments_;
  const std::int64_t group_in_;
  const std::int64_t group_out_;
  const std::int64_t positions_;
  std::int64_t group_;
  Range filter_rows_;
  Range blocks_;
  Range passes_;
  float* sums_;        // of the chunk: [group][block][filter row, column, channel][channel of the block]
  std::int64_t runs_;  // of adjacent floats in a filter row
  std::int64_t run_floats_;  // in each of them
  std::int64_t image_ = 0;   // of the pass
  Range rows_ = {0, 0};      // output rows of the pass
};

template <typename Arch>
void conv2d_backprop_filter_tile(const Conv2DBackpropFilterPlan& plan,
                                 const Conv2DBackpropFilterArguments& arguments, std::int64_t tile) noexcept {
  BackpropFilterTile<Arch>(plan, arguments, tile).run();
}

// The sums of all chunks, in their order, to where the filter's gradient lies.
template <typename Arch>
void conv2d_backprop_filter_sum_tile(const Conv2DBackpropFilterPlan& plan,
                                     const Conv2DBackpropFilterArguments& arguments,
                                     std::int64_t tile) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const Conv2DShape& shape = plan.shape;
  const Conv2DBackpropFilterBlocking& blocking = plan.blocking;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  const std::int64_t all_rows = shape.filter_height * shape.filter_width * (shape.in_channels / shape.groups);
  const std::int64_t chunk_step = all_rows * shape.groups * blocking.padded_group_channels;
  const std::int64_t first_row = tile * blocking.rows_per_sum_tile;
  const std::int64_t last_row = smaller(first_row + blocking.rows_per_sum_tile, all_rows);
  for (std::int64_t group = 0; group < shape.groups; ++group) {
    for (std::int64_t block = 0; block < blocking.blocks_per_group; ++block) {
      const std::int64_t first_channel = block * blocking.channels_per_block;
      const std::int64_t channels = smaller(blocking.channels_per_block, group_out - first_channel);
      const std::int64_t width = (channels + lanes - 1) / lanes * lanes;
      const float* sums =
          arguments.sums + all_rows * (group * blocking.padded_group_channels + first_channel);
      for (std::int64_t row = first_row; row < last_row; ++row) {
        float* dst = arguments.filter_backprop + row * shape.out_channels + group * group_out + first_channel;
        for (std::int64_t k = 0; k < channels; k += lanes) {
          const float* src = sums + row * width + k;
          Floats<Arch> sum = load<Arch>(src);
          for (std::int64_t chunk = 1; chunk < blocking.chunks; ++chunk)
            sum = sum + load<Arch>(src + chunk * chunk_step);
          if (k + lanes <= channels) {
            store<Arch>(dst + k, sum);
          } else {
            store_partial<Arch>(dst + k, sum, channels - k);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace varscope::simd
