// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution by strips: some neighbouring output pixels, and from top to bottom all rows of a
// tile. One row of a strip, for one register of channels, is in registers at a time. An input is loaded once
// for all pixels and filter columns that it belongs to; the filter rows below each other find it in the
// first-level cache, which holds as many channels as the plan makes a block of. (Memory and second-level
// cache are what such a convolution waits for: by rows over the whole width, each input came from there once
// a filter row.)
//
// Dilated pixels of a strip lie as far apart as its filter columns do, so it is a strip as any other; and so
// do its rows.
// Groups of a few channels, of which a register holds one or more, are computed likewise: one input after
// another is there for all lanes of its group, as the input of a depthwise convolution is for its own.
// Rows and columns outside of the image are left out of the sums. The last strip of a row overlaps the one
// before, as the last register of channels does: those outputs get the same bits twice.
#pragma once

#include "conv2d_direct.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

// A compiler would else compute all addresses of an unrolled loop beforehand, and keep them in memory. (Not
// volatile, this itself would be moved out of the loop around.)
VARSCOPE_SIMD_INLINE void step_on(std::int64_t* index, std::int64_t step) noexcept {
  *index += step;
  asm volatile("" : "+r"(*index));
}

// Of one image: rows and columns of outputs, and blocks of channels.
struct DepthwiseTile {
  std::int64_t image;
  Range rows;
  Range columns;
  Range blocks;
};

VARSCOPE_SIMD_INLINE DepthwiseTile locate_depthwise_tile(const Conv2DPlan& plan,
                                                         std::int64_t index) noexcept {
  const Conv2DShape& shape = plan.shape;
  const DepthwiseBlocking& blocking = plan.depthwise;
  const auto part = [](std::int64_t number, std::int64_t size, std::int64_t total) {
    return Range{number * size, smaller((number + 1) * size, total)};
  };
  const std::int64_t block_tile = index % blocking.block_tiles;
  const std::int64_t column_tile = index / blocking.block_tiles % blocking.column_tiles;
  const std::int64_t above = index / (blocking.block_tiles * blocking.column_tiles);
  return {.image = above / blocking.row_tiles,
          .rows = part(above % blocking.row_tiles, blocking.rows_per_tile, shape.out_height),
          .columns = part(column_tile, blocking.columns_per_tile, shape.out_width),
          .blocks = part(block_tile, blocking.blocks_per_tile, blocking.blocks)};
}

// kFilter: columns of the filter; kStride: of its columns; kPixels: of a strip; kRegisters: of channels that
// are in work at one time, while there are so many. kGroup: channels of a group, inputs and outputs.
// Requires what depthwise_has_strips() says.
template <typename Arch, int kFilter, int kStride, int kPixels, int kRegisters = 1, int kGroup = 1>
class DepthwiseStrips {
 public:
  DepthwiseStrips(const Conv2DPlan& plan, const Conv2DArguments& arguments) noexcept
      : shape_(plan.shape),
        blocking_(plan.depthwise),
        arguments_(arguments),
        pixel_step_(kStride == 1 ? shape_.dilation_width : 1),
        row_step_(shape_.stride_height == 1 ? shape_.dilation_height : 1),
        floor_(activation_floor<Arch>(arguments.epilogue.activation == Activation::relu &&
                                      arguments.epilogue.residual == nullptr)) {}

  void run(const DepthwiseTile& tile) const noexcept {
    for (std::int64_t block = tile.blocks.first; block < tile.blocks.last; ++block) {
      for (std::int64_t first = 0; first < smaller(pixel_step_, shape_.out_width); ++first) {
        // Dilated, a tile has all columns.
        const std::int64_t last = (tile.columns.last - first + pixel_step_ - 1) / pixel_step_;
        for (std::int64_t pixel = tile.columns.first; pixel < last; pixel += kPixels) {
          run_strip(tile.image, tile.rows, channels_of(block),
                    first + smaller(pixel, last - kPixels) * pixel_step_);
        }
      }
    }
  }

 private:
  static constexpr int kColumns = (kPixels - 1) * kStride + kFilter;
  static constexpr std::int64_t kFilterRowFloats = kFilter * kGroup * kLanes<Arch>;
  static constexpr bool kUnrollsRows = kFilter == 3 && kGroup == 1;

  // The pixels whose windows have the column.
  static constexpr int uses_of_column(int column) noexcept {
    int uses = 0;
    for (int p = 0; p < kPixels; ++p) uses += column >= p * kStride && column < p * kStride + kFilter ? 1 : 0;
    return uses;
  }

  // What the pixels of one row of a strip read.
  struct Window {
    const float* rows[kDepthwiseFilterRows];  // those of the filter's rows that lie inside of the image
    std::int64_t row_count;
    std::int64_t first;       // from there to channel 0 of the strip's first column, inside or not
    std::int64_t step;        // from a column to the next
    std::int64_t filter_row;  // the first of the rows
    Range columns;            // those inside of the image
  };

  // At least a register of them.
  Range channels_of(std::int64_t block) const noexcept {
    const std::int64_t first = block * blocking_.channels_per_block;
    return {first, smaller(first + blocking_.channels_per_block, shape_.out_channels)};
  }

  void run_strip(std::int64_t image, Range rows, Range channels, std::int64_t x) const noexcept {
    const std::int64_t column = x * kStride - shape_.pad_left;
    Window window;
    window.columns = positions_inside(column, shape_.in_width, kColumns, shape_.dilation_width);
    window.step =
        blocking_.copied ? channels.last - channels.first : shape_.dilation_width * shape_.in_channels;
    window.first = blocking_.copied ? -channels.first : column * shape_.in_channels;
    for (std::int64_t first = 0; first < smaller(row_step_, rows.last - rows.first); ++first) {
      run_rows_of_strip(image, {rows.first + first, rows.last}, channels, x, window);
    }
  }

  // Every row_step_-th row of outputs: those that share inputs.
  void run_rows_of_strip(std::int64_t image, Range rows, Range channels, std::int64_t x,
                         Window window) const noexcept {
    const std::int64_t row_floats = shape_.in_width * shape_.in_channels;
    const float* const input = arguments_.input + image * shape_.in_height * row_floats;
    const std::int64_t slot_floats = kColumns * (channels.last - channels.first);
    const auto slot_of = [&](std::int64_t row) VARSCOPE_SIMD_LAMBDA {
      return arguments_.workspace + row / row_step_ % kDepthwiseCopiedRows * slot_floats;
    };
    const bool one_by_one = blocking_.copied || arguments_.epilogue.residual != nullptr;
    const std::int64_t reach = (shape_.filter_height - 1) * shape_.dilation_height;
    const std::int64_t input_row_step = row_step_ * shape_.stride_height;
    std::int64_t next_copy = 0;
    std::int64_t count = 1;  // rows of outputs
    for (std::int64_t y = rows.first; y < rows.last; y += count * row_step_) {
      const std::int64_t top = y * shape_.stride_height - shape_.pad_top;
      // Most rows need no division.
      const bool whole = top >= 0 && top + reach < shape_.in_height;
      const Range inside =
          whole ? Range{0, shape_.filter_height}
                : positions_inside(top, shape_.in_height, shape_.filter_height, shape_.dilation_height);
      count = whole && !one_by_one ? smaller((shape_.in_height - 1 - reach - top) / input_row_step,
                                             (rows.last - 1 - y) / row_step_) +
                                         1
                                   : 1;
      window.row_count = inside.last - inside.first;
      window.filter_row = inside.first;
      const std::int64_t first_row = top + inside.first * shape_.dilation_height;
      if (blocking_.copied && window.row_count > 0) {
        const std::int64_t last_row = top + (inside.last - 1) * shape_.dilation_height;
        // Strided and dilated, a lower row of outputs may be the first to read one of the upper rows.
        const std::int64_t first_copy = shape_.stride_height == 1 ? first_row : larger<std::int64_t>(top, 0);
        for (next_copy = larger(next_copy, first_copy); next_copy <= last_row; next_copy += row_step_) {
          copy(input + next_copy * row_floats, x, window.columns, channels, slot_of(next_copy));
        }
      }
      for (std::int64_t r = 0; r < window.row_count; ++r) {
        const std::int64_t row = first_row + r * shape_.dilation_height;
        window.rows[r] = blocking_.copied ? slot_of(row) : input + row * row_floats;
      }
      const std::int64_t out_pixel = (image * shape_.out_height + y) * shape_.out_width + x;
      const bool edge = window.columns.first > 0 || window.columns.last < kColumns;
      if (kUnrollsRows && window.row_count == 3) {
        edge ? run_rows<true, kUnrollsRows>(window, channels, out_pixel, count)
             : run_rows<false, kUnrollsRows>(window, channels, out_pixel, count);
      } else {
        edge ? run_rows<true, false>(window, channels, out_pixel, count)
             : run_rows<false, false>(window, channels, out_pixel, count);
      }
      if (arguments_.epilogue.residual != nullptr) add_residual(channels, out_pixel);
      activate<Arch>(arguments_.epilogue.activation,
                     {.first = arguments_.output + out_pixel * shape_.out_channels + channels.first,
                      .panels = count,
                      .panel_step = row_step_ * shape_.out_width * shape_.out_channels,
                      .pixels = kPixels,
                      .pixel_step = pixel_step_ * shape_.out_channels,
                      .channels = channels.last - channels.first});
    }
  }

  // The channels of a block side by side, for images whose pixels lie so that the cache has no room for those
  // of a strip at one time.
  void copy(const float* row, std::int64_t x, Range columns, Range channels, float* slot) const noexcept {
    const std::int64_t floats = channels.last - channels.first;
    const std::int64_t first = (x * kStride - shape_.pad_left) * shape_.in_channels;
    const std::int64_t step = shape_.dilation_width * shape_.in_channels;
    for (std::int64_t column = columns.first; column < columns.last; ++column) {
      const float* const src = row + (first + column * step + channels.first);
      float* const dst = slot + column * floats;
      for (std::int64_t i = 0; i < floats; i += kLanes<Arch>) {
        const std::int64_t at = smaller(i, floats - kLanes<Arch>);
        store<Arch>(dst + at, load<Arch>(src + at));
      }
    }
  }

  // So many rows of outputs whose windows are one below the other. What is not an addition here takes room
  // in the processor from the additions, and from the inputs that it could already ask for.
  // Out of line: together with the loops around it there are not enough registers.
  // kEdge: some of the columns are outside. Those can only be among the first and the last kFilter - 1.
  template <bool kEdge, bool kThreeRows>
  __attribute__((noinline)) void run_rows(const Window& window, Range channels, std::int64_t out_pixel,
                                          std::int64_t count) const noexcept {
    const std::int64_t register_floats = shape_.filter_height * kFilterRowFloats;
    // Copies: the stores could change what they are copies of, for all that the compiler knows.
    const float* const bias = arguments_.epilogue.bias;
    const float* const first_filter = arguments_.packed_filter +
                                      channels.first / kLanes<Arch> * register_floats +
                                      window.filter_row * kFilterRowFloats;
    const std::int64_t out_channels = shape_.out_channels;
    const std::int64_t output_step = pixel_step_ * out_channels;
    const std::int64_t input_row_step =
        row_step_ * shape_.stride_height * shape_.in_width * shape_.in_channels;
    const Floats<Arch> floor = floor_;
    const Window in = window;
    std::int64_t first = in.first;
    float* output = arguments_.output + out_pixel * out_channels;
    const auto run_unit = [&](auto registers, const float* filter,
                              std::int64_t channel) VARSCOPE_SIMD_LAMBDA {
      constexpr int kCount = decltype(registers)::value;
      Floats<Arch> sums[kPixels][kCount];
      unroll<kCount>([&](auto v) VARSCOPE_SIMD_LAMBDA {
        const Floats<Arch> start =
            bias == nullptr ? broadcast<Arch>(0.0f) : load<Arch>(bias + channel + v * kLanes<Arch>);
        unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA { sums[p][v] = start; });
      });
      const auto add = [&](std::int64_t r) VARSCOPE_SIMD_LAMBDA {
        const float* const weights = filter + r * kFilterRowFloats;
        const auto add_lane = [&](auto lane) VARSCOPE_SIMD_LAMBDA {
          add_row<kEdge>(in.rows[r], first + channel, in.step, in.columns,
                         weights + lane * kFilter * kLanes<Arch>, register_floats, lane, sums);
        };
        if constexpr (kLaneIsConstant<Arch, kGroup>) {
          unroll<kGroup>(add_lane);
        } else {
          for (int lane = 0; lane < kGroup; ++lane) add_lane(lane);
        }
      };
      if constexpr (kThreeRows) {
        unroll<3>([&](auto r) VARSCOPE_SIMD_LAMBDA { add(r); });
      } else {
        for (std::int64_t r = 0; r < in.row_count; ++r) add(r);
      }
      std::int64_t at = channel;
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
        unroll<kCount>([&](auto v) VARSCOPE_SIMD_LAMBDA {
          store<Arch>(output + at + v * kLanes<Arch>, xsimd::max(floor, sums[p][v]));
        });
        step_on(&at, output_step);
      });
    };
    for (std::int64_t y = 0; y < count; ++y) {
      const float* filter = first_filter;
      std::int64_t k = channels.first;
      const auto run_units = [&](auto registers) VARSCOPE_SIMD_LAMBDA {
        constexpr int kCount = decltype(registers)::value;
        for (; k + kCount * kLanes<Arch> <= channels.last; k += kCount * kLanes<Arch>) {
          run_unit(registers, filter, k);
          filter += kCount * register_floats;
        }
      };
      if constexpr (kRegisters > 1) run_units(Index<kRegisters>{});
      if constexpr (kRegisters > 2) run_units(Index<2>{});
      for (; k < channels.last; k += kLanes<Arch>) {
        run_unit(Index<1>{}, filter, smaller(k, out_channels - kLanes<Arch>));
        filter += register_floats;
      }
      first += input_row_step;
      output += row_step_ * shape_.out_width * out_channels;
    }
  }

  // lane: of the inputs of each group.
  template <bool kEdge, typename Lane, int kCount>
  static VARSCOPE_SIMD_INLINE void add_row(const float* row, std::int64_t at, std::int64_t step,
                                           const Range& columns, const float* filter,
                                           std::int64_t register_floats, Lane lane,
                                           Floats<Arch> (&sums)[kPixels][kCount]) noexcept {
    Floats<Arch> weights[kFilter][kCount];
    unroll<kFilter>([&](auto s) VARSCOPE_SIMD_LAMBDA {
      unroll<kCount>([&](auto v) VARSCOPE_SIMD_LAMBDA {
        weights[s][v] = load<Arch>(filter + v * register_floats + s * kLanes<Arch>);
      });
    });
    unroll<kColumns>([&](auto column) VARSCOPE_SIMD_LAMBDA {
      constexpr int j = decltype(column)::value;
      constexpr bool kMayBeLeft = kEdge && j < kFilter - 1;
      constexpr bool kMayBeRight = kEdge && j > kColumns - kFilter;
      if (!((kMayBeLeft && j < columns.first) || (kMayBeRight && j >= columns.last))) {
        unroll<kCount>([&](auto v) VARSCOPE_SIMD_LAMBDA {
          const Floats<Arch> x = load_lane<Arch, kGroup>(row + at + v * kLanes<Arch>, lane);
          unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
            constexpr int s = j - decltype(p)::value * kStride;
            if constexpr (s >= 0 && s < kFilter) {
              Floats<Arch> sum = sums[p][v];
              if constexpr (uses_of_column(j) == 1) {
                sum = multiply_add<Arch>(x, weights[s][v], sum);  // one instruction with the load of x
              } else {
                accumulate<Arch>(x, weights[s][v], &sum);
              }
              sums[p][v] = sum;
            }
          });
        });
      }
      step_on(&at, step);
    });
  }

  // To what run_rows() stored. In the same loop the compiler would keep the sums in memory, for all layers.
  void add_residual(Range channels, std::int64_t out_pixel) const noexcept {
    const Floats<Arch> floor = activation_floor<Arch>(arguments_.epilogue.activation == Activation::relu);
    for (int p = 0; p < kPixels; ++p) {
      const std::int64_t pixel = (out_pixel + p * pixel_step_) * shape_.out_channels;
      const float* const residual = arguments_.epilogue.residual + pixel;
      float* const output = arguments_.output + pixel;
      std::int64_t k = channels.first;
      for (; k + kLanes<Arch> <= channels.last; k += kLanes<Arch>) {
        store<Arch>(output + k, xsimd::max(floor, load<Arch>(output + k) + load<Arch>(residual + k)));
      }
      const std::int64_t rest = channels.last - k;
      const Floats<Arch> sum =
          load_partial<Arch>(output + k, rest, 0.0f) + load_partial<Arch>(residual + k, rest, 0.0f);
      store_partial<Arch>(output + k, xsimd::max(floor, sum), rest);
    }
  }

  const Conv2DShape shape_;  // copies: the stores cannot change them
  const DepthwiseBlocking blocking_;
  const Conv2DArguments arguments_;
  const std::int64_t pixel_step_;  // from a pixel of a strip to the next
  const std::int64_t row_step_;    // and from a row of them
  const Floats<Arch> floor_;
};

template <typename Arch, int kFilter, int kStride>
void run_depthwise_strips(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                          const DepthwiseTile& tile) noexcept {
  constexpr int kMost = kManyRegisters<Arch> ? 3 : 2;
  [[maybe_unused]] const bool most = plan.depthwise.registers_per_unit == kMost;
  switch (plan.depthwise.pixels_per_strip) {
    case 14:
      if constexpr (kManyRegisters<Arch>) {
        return DepthwiseStrips<Arch, kFilter, kStride, 14>(plan, arguments).run(tile);
      }
      return;
    case 7:
      if constexpr (kFilter == 3 && kStride == 2 && kManyRegisters<Arch>) {
        if (most) return DepthwiseStrips<Arch, kFilter, kStride, 7, kMost>(plan, arguments).run(tile);
      }
      return DepthwiseStrips<Arch, kFilter, kStride, 7>(plan, arguments).run(tile);
    case 4:
      if constexpr (kFilter == 3 && kStride == 2) {
        if (most) return DepthwiseStrips<Arch, kFilter, kStride, 4, kMost>(plan, arguments).run(tile);
      }
      return DepthwiseStrips<Arch, kFilter, kStride, 4>(plan, arguments).run(tile);
    default:
      return DepthwiseStrips<Arch, kFilter, kStride, 1>(plan, arguments).run(tile);
  }
}

}  // namespace
}  // namespace varscope::simd
