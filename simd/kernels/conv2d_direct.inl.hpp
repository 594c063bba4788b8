// SPDX-License-Identifier: Apache-2.0
// Direct convolution over the image as it lies. A tile is some output rows of one image by some blocks of
// output channels of one group. It is summed in passes over some input channels and some filter rows, so that
// the part of a block's filter that a pass needs stays in the first-level cache while the tile's pixels go
// by; each row is cut into register tiles of nearly equal width.
//
// Padding costs no branch in the inner loop. Filter rows that fall outside of the image are left out. Of the
// register tiles at the left and right edge, those of many channels sum one part of the filter's columns
// after another, for the pixels that have them inside; of few channels, the input columns that such tiles
// read are copied, with zeros for those that do not exist, into the workspace, which then takes the image's
// place.
#pragma once

#include "activate.inl.hpp"
#include "direct_row_cut.inl.hpp"
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

// Where register tiles write.
struct OutputPlace {
  std::int64_t pixel;         // the first, of the whole output
  std::int64_t pixels;        // of one of them
  std::int64_t panel_pixels;  // from the first pixel of one to that of the next
};

// What is added to some sums: so many filter rows and columns.
struct SumPart {
  Range rows;
  Range columns;
  bool first;  // the sums start at bias and residual, else at what is in the output
  bool last;   // the activation follows
};

template <typename Arch>
class DirectTile {
 public:
  DirectTile(const Conv2DPlan& plan, const Conv2DArguments& arguments, const DirectTilePlace& place) noexcept
      : shape_(plan.shape),
        blocking_(plan.blocking),
        arguments_(arguments),
        place_(place),
        group_in_(shape_.in_channels / shape_.groups),
        group_out_(shape_.out_channels / shape_.groups),
        row_floats_(shape_.in_width * shape_.in_channels),
        positions_(shape_.filter_height * shape_.filter_width),
        cut_(shape_, blocking_.pixels_per_register_tile),
        first_in_row_(larger<std::int64_t>(top_of(place.first_row), 0)),
        last_in_row_(larger(
            first_in_row_,
            smaller(top_of(place.last_row - 1) + (shape_.filter_height - 1) * shape_.dilation_height + 1,
                    shape_.in_height))) {}

  VARSCOPE_SIMD_INLINE void run() noexcept {
    for (std::int64_t channel = 0; channel < group_in_; channel += blocking_.channels_per_chunk) {
      first_channel_ = channel;
      channels_ = smaller(blocking_.channels_per_chunk, group_in_ - channel);
      joined_ = shape_.dilation_width == 1 && channels_ == shape_.in_channels;
      if (!blocking_.edges_by_columns) copy_edges();
      for (std::int64_t r = 0; r < shape_.filter_height; r += blocking_.filter_rows_per_pass) {
        pass_ = {r, smaller(r + blocking_.filter_rows_per_pass, shape_.filter_height)};
        for (std::int64_t block = place_.first_block; block < place_.last_block;
             block += blocking_.blocks_per_pass) {
          const Range blocks = {block, smaller(block + blocking_.blocks_per_pass, place_.last_block)};
          for (std::int64_t y = place_.first_row, count = 1; y < place_.last_row; y += count) {
            count = rows_alike(y);
            run_rows(y, count, blocks);
          }
        }
      }
    }
  }

 private:
  VARSCOPE_SIMD_INLINE std::int64_t top_of(std::int64_t y) const noexcept {
    return y * shape_.stride_height - shape_.pad_top;
  }

  // The filter rows of the pass that lie inside of the image.
  VARSCOPE_SIMD_INLINE Range filter_rows(std::int64_t y) const noexcept {
    const Range rows =
        positions_inside(top_of(y), shape_.in_height, shape_.filter_height, shape_.dilation_height);
    const std::int64_t first = larger(rows.first, pass_.first);
    return {first, larger(first, smaller(rows.last, pass_.last))};
  }

  // The input row that the first of them reads; where there are none, one that exists.
  VARSCOPE_SIMD_INLINE std::int64_t input_row_of(std::int64_t y, const Range& rows) const noexcept {
    return rows.first == rows.last ? first_in_row_ : top_of(y) + rows.first * shape_.dilation_height;
  }

  VARSCOPE_SIMD_INLINE bool first_pass() const noexcept { return first_channel_ == 0 && pass_.first == 0; }
  VARSCOPE_SIMD_INLINE bool last_pass() const noexcept {
    return first_channel_ + channels_ == group_in_ && pass_.last == shape_.filter_height;
  }

  // How many rows from y on read the same filter rows: all of them, or it is one.
  VARSCOPE_SIMD_INLINE std::int64_t rows_alike(std::int64_t y) const noexcept {
    const std::int64_t below =
        shape_.in_height - 1 - top_of(y) - (shape_.filter_height - 1) * shape_.dilation_height;
    if (top_of(y) < 0 || below < 0) return 1;
    return smaller(below / shape_.stride_height + 1, place_.last_row - y);
  }

  // The first pixel and channel of an input row.
  VARSCOPE_SIMD_INLINE const float* input_row(std::int64_t row) const noexcept {
    return arguments_.input + (place_.image * shape_.in_height + row) * row_floats_ +
           place_.group * group_in_ + first_channel_;
  }

  // Where the copied columns of a register tile begin; those of its input rows follow each other.
  VARSCOPE_SIMD_INLINE float* edge(std::int64_t number) const noexcept {
    return arguments_.workspace + number * (last_in_row_ - first_in_row_) *
                                      cut_.columns(blocking_.pixels_per_register_tile) * channels_;
  }

  VARSCOPE_SIMD_INLINE void copy_edges() const noexcept {
    std::int64_t number = 0;
    for (std::int64_t tile = 0; tile < cut_.tiles; ++tile) {
      if (cut_.inside(tile)) continue;
      const std::int64_t columns = cut_.columns(cut_.pixels(tile));
      float* dst = edge(number++);
      for (std::int64_t row = first_in_row_; row < last_in_row_; ++row, dst += columns * channels_) {
        copy_columns(input_row(row), shape_.in_channels, shape_.in_width, cut_.first_column(tile), columns,
                     channels_, dst);
      }
    }
  }

  // Rows y to y + count that read the same filter rows. What lies beside each other in one row, or below each
  // other in one tile of each, is one rectangle of register tiles: whichever is longer.
  VARSCOPE_SIMD_INLINE void run_rows(std::int64_t y, std::int64_t count, const Range& blocks) const noexcept {
    std::int64_t edges = 0;
    for (std::int64_t tile = 0, equal = 1; tile < cut_.tiles; tile += equal) {
      const bool inside = cut_.inside(tile);
      equal = inside ? cut_.equal_tiles(tile) : 1;
      if (!inside && blocking_.edges_by_columns) {
        run_columns(tile, y, count, blocks);
      } else if (equal > count) {
        for (std::int64_t i = 0; i < count; ++i) run_panels(tile, edges, y + i, true, equal, blocks);
      } else {
        for (std::int64_t i = 0; i < equal; ++i) run_panels(tile + i, edges, y, false, count, blocks);
      }
      edges += inside ? 0 : 1;
    }
  }

  // As many register tiles of pixels, beside (or below) each other, from tile `tile` of row y on, which may
  // be an edge of that number.
  VARSCOPE_SIMD_INLINE void run_panels(std::int64_t tile, std::int64_t edge_number, std::int64_t y,
                                       bool beside, std::int64_t panels, const Range& blocks) const noexcept {
    const Range rows = filter_rows(y);
    const std::int64_t in_row = input_row_of(y, rows);
    const std::int64_t pixels = cut_.pixels(tile);
    TileInput in = {.pixels = nullptr,
                    .pixel_step = 0,
                    .rows = rows.last - rows.first,
                    .columns = joined_ ? 1 : shape_.filter_width,
                    .channels = joined_ ? shape_.filter_width * channels_ : channels_,
                    .filter = nullptr,
                    .panels = panels};
    std::int64_t pixel_floats = shape_.in_channels;
    std::int64_t row_floats = row_floats_;
    if (cut_.inside(tile)) {
      in.pixels = input_row(in_row) + cut_.first_column(tile) * shape_.in_channels;
    } else {
      pixel_floats = channels_;
      row_floats = cut_.columns(pixels) * channels_;
      in.pixels = edge(edge_number) + (in_row - first_in_row_) * row_floats;
    }
    in.row_step = shape_.dilation_height * row_floats;
    in.pixel_step = shape_.stride_width * pixel_floats;
    in.column_step = shape_.dilation_width * pixel_floats;
    in.panel_step = beside ? pixels * in.pixel_step : shape_.stride_height * row_floats;
    run_part(in, {rows, {0, shape_.filter_width}, first_pass(), last_pass()}, output_of(tile, y, beside),
             blocks);
  }

  // A register tile at an edge, and those below it: the sums in the same order, but without what would be
  // multiplied by zeros.
  VARSCOPE_SIMD_INLINE void run_columns(std::int64_t tile, std::int64_t y, std::int64_t panels,
                                        const Range& blocks) const noexcept {
    const Range rows = filter_rows(y);
    const std::int64_t first_row = input_row_of(y, rows);
    const OutputPlace all = output_of(tile, y, false);
    const TileInput nothing = {.pixels = input_row(first_row),
                               .pixel_step = shape_.stride_width * shape_.in_channels,
                               .column_step = shape_.dilation_width * shape_.in_channels,
                               .rows = 0,
                               .channels = channels_,
                               .filter = nullptr,
                               .panels = panels,
                               .panel_step = shape_.stride_height * row_floats_};
    const Range none = {rows.first, rows.first};
    if (first_pass()) run_part(nothing, {none, {0, 0}, true, false}, all, blocks);
    TileInput in = nothing;
    in.rows = 1;
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      const float* const row = input_row(first_row + (r - rows.first) * shape_.dilation_height);
      for (std::int64_t s = 0, next = 0; s < shape_.filter_width; s = next) {
        const Range pixels = pixels_inside(tile, s);
        for (next = s + 1; next < shape_.filter_width; ++next) {
          const Range others = pixels_inside(tile, next);
          if (others.first != pixels.first || others.last != pixels.last) break;
        }
        if (pixels.first == pixels.last) continue;
        const std::int64_t column =
            cut_.first_column(tile) + pixels.first * shape_.stride_width + s * shape_.dilation_width;
        in.pixels = row + column * shape_.in_channels;
        in.columns = joined_ ? 1 : next - s;
        in.channels = joined_ ? (next - s) * channels_ : channels_;
        const OutputPlace some = {.pixel = all.pixel + pixels.first,
                                  .pixels = pixels.last - pixels.first,
                                  .panel_pixels = all.panel_pixels};
        run_part(in, {{r, r + 1}, {s, next}, false, false}, some, blocks);
      }
    }
    if (last_pass() && arguments_.epilogue.activation != Activation::none)
      run_part(nothing, {none, {0, 0}, false, true}, all, blocks);
  }

  // What a tile of row y writes, and those beside it or below it.
  VARSCOPE_SIMD_INLINE OutputPlace output_of(std::int64_t tile, std::int64_t y, bool beside) const noexcept {
    return {.pixel = (place_.image * shape_.out_height + y) * shape_.out_width + cut_.first(tile),
            .pixels = cut_.pixels(tile),
            .panel_pixels = beside ? cut_.pixels(tile) : shape_.out_width};
  }

  // Of a register tile, those that have the filter column inside.
  VARSCOPE_SIMD_INLINE Range pixels_inside(std::int64_t tile, std::int64_t filter_column) const noexcept {
    return positions_inside(cut_.first_column(tile) + filter_column * shape_.dilation_width, shape_.in_width,
                            cut_.pixels(tile), shape_.stride_width);
  }

  VARSCOPE_SIMD_INLINE void run_part(const TileInput& in, const SumPart& part, const OutputPlace& place,
                                     const Range& blocks) const noexcept {
    for_each_blocks(blocks.first * blocking_.channels_per_block,
                    smaller(blocks.last * blocking_.channels_per_block, group_out_),
                    blocking_.channels_per_block,
                    [&](std::int64_t channel, std::int64_t channels, std::int64_t count) {
                      run_blocks(in, part, place, channel, channels, count);
                    });
  }

  // The input's panels by `count` register tiles of `channels` output channels each, from `block_channel` of
  // the group on.
  VARSCOPE_SIMD_INLINE void run_blocks(TileInput in, const SumPart& part, const OutputPlace& place,
                                       std::int64_t block_channel, std::int64_t channels,
                                       std::int64_t count) const noexcept {
    const std::int64_t vectors = (channels + kLanes<Arch> - 1) / kLanes<Arch>;
    in.filter = arguments_.packed_filter +
                positions_ * group_in_ * (place_.group * blocking_.padded_group_channels + block_channel) +
                (first_channel_ * positions_ +
                 (part.rows.first * shape_.filter_width + part.columns.first) * channels_) *
                    vectors * kLanes<Arch>;
    in.blocks = count;
    in.block_step = positions_ * group_in_ * blocking_.channels_per_block;
    const std::int64_t out_channel = place_.group * group_out_ + block_channel;
    const std::int64_t index = place.pixel * shape_.out_channels + out_channel;
    const Conv2DEpilogue& epilogue = arguments_.epilogue;
    const float* const residual = epilogue.residual == nullptr ? nullptr : epilogue.residual + index;
    register_tile<Arch>(place.pixels, vectors)(
        in, {.pixels = arguments_.output + index,
             .pixel_step = shape_.out_channels,
             .panel_step = place.panel_pixels * shape_.out_channels,
             .channels = channels,
             .bias = part.first && epilogue.bias != nullptr ? epilogue.bias + out_channel : nullptr,
             .start = part.first ? residual : arguments_.output + index,
             .start_step = shape_.out_channels,
             .start_panel_step = place.panel_pixels * shape_.out_channels,
             .relu = part.last && epilogue.activation == Activation::relu,
             .fetch = blocking_.fetch_output});
    if (!part.last) return;
    activate<Arch>(epilogue.activation, {.first = arguments_.output + index,
                                         .panels = in.panels,
                                         .panel_step = place.panel_pixels * shape_.out_channels,
                                         .pixels = place.pixels,
                                         .pixel_step = shape_.out_channels,
                                         .channels = channels * count});
  }

  const Conv2DShape& shape_;
  const Conv2DBlocking& blocking_;
  const Conv2DArguments& arguments_;
  const DirectTilePlace place_;
  const std::int64_t group_in_;
  const std::int64_t group_out_;
  const std::int64_t row_floats_;
  const std::int64_t positions_;
  const DirectRowCut cut_;
  const std::int64_t first_in_row_;  // the input rows that the tile reads
  const std::int64_t last_in_row_;
  std::int64_t first_channel_ = 0;  // of the pass, in the group
  std::int64_t channels_ = 0;
  Range pass_ = {0, 0};  // filter rows
  bool joined_ = false;  // filter columns and channels are one run of floats, in the image and in the filter
};

template <typename Arch>
void conv2d_direct_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                        std::int64_t tile) noexcept {
  DirectTile<Arch>(plan, arguments, locate_direct_tile(plan, tile)).run();
}

}  // namespace
}  // namespace varscope::simd
