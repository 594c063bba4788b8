// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution by blocks: some rows by some pixels of outputs, of one register of channels at a
// time. Each input is loaded once for all outputs that it belongs to, and the weights stay in registers.
//
// A block at the border of the image reads its inputs through a table of addresses, where those outside of
// the image are a pixel of zeros; a sum that starts at zero does not change by them where weights are finite.
// Blocks at the end of a row or of the image overlap the one before: those outputs get the same bits twice.
#pragma once

#include "register_tile.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

// Pixels of a wide block, two rows of which are sums; the weights take most of the other registers.
template <typename Arch>
constexpr int kWideBlock = kManyRegisters<Arch> ? 7 : 4;
// Of a narrow one, for inputs of so many channels that those of a wide block would not stay in the
// first-level cache from one register of channels to the next.
constexpr int kNarrowBlock = 2;

// kFilter: rows and columns of the filter; kStride: of both; kWidth: pixels of a block; kFetch: ask for what
// the next block reads.
template <typename Arch, int kFilter, int kStride, int kWidth, bool kFetch>
class DepthwiseBlocks {
 public:
  static constexpr int kRows = 2;
  static constexpr int kPixels = kWidth;
  static constexpr int kInputs = ((kRows - 1) * kStride + kFilter) * ((kPixels - 1) * kStride + kFilter);

  DepthwiseBlocks(const Conv2DPlan& plan, const Conv2DArguments& arguments) noexcept
      : shape_(plan.shape),
        arguments_(arguments),
        floor_(activation_floor<Arch>(arguments.epilogue.activation == Activation::relu)) {
    for (std::int64_t c = 0; c < shape_.in_channels; ++c) arguments_.workspace[c] = 0.0f;
  }

  // Output rows first_y to last_y of one image.
  VARSCOPE_SIMD_INLINE void run(std::int64_t image, std::int64_t first_y,
                                std::int64_t last_y) const noexcept {
    for (std::int64_t row = first_y; row < last_y; row += kRows) {
      const std::int64_t y = larger<std::int64_t>(smaller(row, last_y - kRows), first_y);
      const std::int64_t rows = smaller<std::int64_t>(kRows, last_y - y);
      for (std::int64_t pixel = 0; pixel < shape_.out_width; pixel += kPixels) {
        const std::int64_t x = larger<std::int64_t>(smaller(pixel, shape_.out_width - kPixels), 0);
        run_block(image, y, rows, x);
      }
    }
  }

 private:
  static constexpr int kInRows = (kRows - 1) * kStride + kFilter;
  static constexpr int kInColumns = (kPixels - 1) * kStride + kFilter;
  using Sums = Floats<Arch>[kRows][kPixels];

  // Asks for what the next block of the row reads and this one does not, a share for each register of
  // channels, line after line as they lie. The block itself jumps from pixel to pixel, and processors do not
  // follow that well. Not the last row: with all of them the first-level cache had too much.
  class NextBlock {
   public:
    VARSCOPE_SIMD_INLINE NextBlock(const float* window, std::int64_t step, std::int64_t row_step) noexcept
        : next_(window + kInColumns * step),
          floats_of_row_(kPixels * kStride * step),
          left_of_row_(floats_of_row_),
          row_step_(row_step) {}

    VARSCOPE_SIMD_INLINE void fetch_share() noexcept {
      constexpr std::int64_t kLineFloats = 16;
      constexpr std::int64_t kFloats = kRows * kStride * kPixels * kStride * kLanes<Arch>;
      constexpr int kLines = static_cast<int>((kFloats + kLineFloats - 1) / kLineFloats);
      unroll<kLines>([&](auto line) VARSCOPE_SIMD_LAMBDA { __builtin_prefetch(next_ + line * kLineFloats); });
      next_ += kLines * kLineFloats;
      left_of_row_ -= kLines * kLineFloats;
      if (left_of_row_ > 0) return;
      next_ += row_step_ - floats_of_row_;
      left_of_row_ = floats_of_row_;
    }

   private:
    const float* next_;
    std::int64_t floats_of_row_;  // of the next block
    std::int64_t left_of_row_;
    std::int64_t row_step_;
  };

  void run_block(std::int64_t image, std::int64_t y, std::int64_t rows, std::int64_t x) const noexcept {
    const std::int64_t in_y = y * kStride - shape_.pad_top;
    const std::int64_t in_x = x * kStride - shape_.pad_left;
    const std::int64_t out_pixel = (image * shape_.out_height + y) * shape_.out_width + x;
    const float* const first =
        arguments_.input + image * shape_.in_height * shape_.in_width * shape_.in_channels;
    const std::int64_t pixels = smaller<std::int64_t>(kPixels, shape_.out_width - x);
    const bool inside = in_y >= 0 && in_y + kInRows <= shape_.in_height && in_x >= 0 &&
                        in_x + kInColumns <= shape_.in_width && rows == kRows && pixels == kPixels;
    if (inside) {
      const float* const window = first + (in_y * shape_.in_width + in_x) * shape_.in_channels;
      const std::int64_t step = shape_.in_channels;
      const std::int64_t row_step = shape_.in_width * step;
      [[maybe_unused]] NextBlock next(window, step, row_step);
      for_each_register([&](std::int64_t channel) VARSCOPE_SIMD_LAMBDA {
        if constexpr (kFetch) next.fetch_share();
        const float* row = window + channel;
        const float* pixel = row;
        Sums sums;
        sum(channel, sums, [&](auto i, auto column) VARSCOPE_SIMD_LAMBDA {
          if constexpr (decltype(column)::value == 0) {
            if constexpr (decltype(i)::value > 0) row += row_step;
            pixel = row;
          }
          const float* const src = pixel;
          pixel += step;
          return load<Arch>(src);
        });
        finish(out_pixel * shape_.out_channels + channel, channel, kRows, kPixels, sums);
      });
    } else {
      const float* inputs[kInRows][kInColumns];
      for (int i = 0; i < kInRows; ++i) {
        for (int j = 0; j < kInColumns; ++j) {
          const std::int64_t row = in_y + i;
          const std::int64_t column = in_x + j;
          const bool exists = row >= 0 && row < shape_.in_height && column >= 0 && column < shape_.in_width;
          inputs[i][j] =
              exists ? first + (row * shape_.in_width + column) * shape_.in_channels : arguments_.workspace;
        }
      }
      for_each_register([&](std::int64_t channel) VARSCOPE_SIMD_LAMBDA {
        Sums sums;
        sum(channel, sums, [&](auto i, auto column) VARSCOPE_SIMD_LAMBDA {
          return load<Arch>(inputs[i][column] + channel);
        });
        finish(out_pixel * shape_.out_channels + channel, channel, rows, pixels, sums);
      });
    }
  }

  // body(channel) for the first channel of each register; the last one overlaps where the channels are no
  // multiple of its width. Requires: at least a register of channels.
  template <typename Body>
  VARSCOPE_SIMD_INLINE void for_each_register(Body&& body) const noexcept {
    for (std::int64_t k = 0; k < shape_.out_channels; k += kLanes<Arch>) {
      body(smaller(k, shape_.out_channels - kLanes<Arch>));
    }
  }

  // input(row, column) loads an input of the block; they are asked for in order.
  template <typename Input>
  VARSCOPE_SIMD_INLINE void sum(std::int64_t channel, Sums& sums, Input&& input) const noexcept {
    const float* const filter = arguments_.packed_filter + channel;
    unroll<kRows>([&](auto y) VARSCOPE_SIMD_LAMBDA {
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA { sums[y][p] = broadcast<Arch>(0.0f); });
    });
    unroll<kInRows>([&](auto i) VARSCOPE_SIMD_LAMBDA {
      unroll<kInColumns>([&](auto column) VARSCOPE_SIMD_LAMBDA {
        const Floats<Arch> x = input(i, column);
        unroll<kRows>([&](auto y) VARSCOPE_SIMD_LAMBDA {
          unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
            constexpr int r = decltype(i)::value - decltype(y)::value * kStride;
            constexpr int s = decltype(column)::value - decltype(p)::value * kStride;
            if constexpr (r >= 0 && r < kFilter && s >= 0 && s < kFilter) {
              const Floats<Arch> weights = load<Arch>(filter + (r * kFilter + s) * shape_.out_channels);
              sums[y][p] = multiply_add<Arch>(x, weights, sums[y][p]);
            }
          });
        });
      });
    });
  }

  // Stores `rows` rows of `pixels` pixels, the first at output[index].
  VARSCOPE_SIMD_INLINE void finish(std::int64_t index, std::int64_t channel, std::int64_t rows,
                                   std::int64_t pixels, Sums& sums) const noexcept {
    const Conv2DEpilogue& epilogue = arguments_.epilogue;
    const Floats<Arch> floor = floor_;
    const std::int64_t step = shape_.out_channels;
    const std::int64_t row_step = shape_.out_width * step;
    // Adding minus zero changes nothing.
    Floats<Arch> bias =
        epilogue.bias == nullptr ? broadcast<Arch>(-0.0f) : load<Arch>(epilogue.bias + channel);
    if (epilogue.residual != nullptr) {
      for_each_output(epilogue.residual + index, step, row_step, rows, pixels,
                      [&](const float* residual, auto y, auto p)
                          VARSCOPE_SIMD_LAMBDA { sums[y][p] = sums[y][p] + bias + load<Arch>(residual); });
      bias = broadcast<Arch>(-0.0f);
    }
    for_each_output(arguments_.output + index, step, row_step, rows, pixels,
                    [&](float* output, auto y, auto p)
                        VARSCOPE_SIMD_LAMBDA { store<Arch>(output, xsimd::max(floor, sums[y][p] + bias)); });
  }

  // body(address, y, p) for each output that exists. One loop for all cases, one address that moves on: the
  // compiler would else keep an address for each.
  template <typename Float, typename Body>
  static VARSCOPE_SIMD_INLINE void for_each_output(Float* row, std::int64_t step, std::int64_t row_step,
                                                   std::int64_t rows, std::int64_t pixels,
                                                   Body&& body) noexcept {
    unroll<kRows>([&](auto y) VARSCOPE_SIMD_LAMBDA {
      if (y >= rows) return;
      Float* pixel = row;
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
        if (p >= pixels) return;
        body(pixel, y, p);
        pixel += step;
      });
      row += row_step;
    });
  }

  const Conv2DShape shape_;  // copies: the stores cannot change them
  const Conv2DArguments arguments_;
  const Floats<Arch> floor_;
};

}  // namespace
}  // namespace varscope::simd
