// SPDX-License-Identifier: Apache-2.0
// What Winograd convolutions do with the outputs of a patch after the transform: bias, residual, relu, store.
#pragma once

#include "activate.inl.hpp"
#include "winograd_transform.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

// Asks for the lines of `channels` channels of rows by columns of pixels, which will be written: of a large
// output they come from memory.
VARSCOPE_SIMD_INLINE void fetch_output_pixels(const float* pixels, std::int64_t rows, std::int64_t row_step,
                                              std::int64_t columns, std::int64_t pixel_step,
                                              std::int64_t channels) noexcept {
  for (std::int64_t y = 0; y < rows; ++y) {
    for (std::int64_t x = 0; x < columns; ++x) {
      const float* const pixel = pixels + y * row_step + x * pixel_step;
      for (std::int64_t c = 0; c < channels; c += kLineFloats) __builtin_prefetch(pixel + c, 1);
    }
  }
}

// Where the outputs of a patch, or of several, go at first: to the output, or to be pooled.
struct OutputSteps {
  float* first = nullptr;
  std::int64_t row = 0;
  std::int64_t pixel = 0;
};

// Where the maxima of outputs go that begin at such a row, of the whole batch, and column.
VARSCOPE_SIMD_INLINE OutputSteps pooled_steps(const Conv2DShape& shape, float* output, std::int64_t row,
                                              std::int64_t column, std::int64_t channel) noexcept {
  const std::int64_t width = shape.out_width / 2;
  return {.first = output + (row / 2 * width + column / 2) * shape.out_channels + channel,
          .row = width * shape.out_channels,
          .pixel = shape.out_channels};
}

// The maximum of each 2x2 block of rows by columns of outputs, both even, in the order of max_pool2d.
template <typename Arch>
void store_maxima(const OutputSteps& src, std::int64_t rows, std::int64_t columns, std::int64_t channels,
                  const OutputSteps& dst) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  for (std::int64_t y = 0; y < rows / 2; ++y) {
    for (std::int64_t x = 0; x < columns / 2; ++x) {
      const float* const upper = src.first + 2 * y * src.row + 2 * x * src.pixel;
      const float* const lower = upper + src.row;
      float* const to = dst.first + y * dst.row + x * dst.pixel;
      const auto largest = [&](std::int64_t c) VARSCOPE_SIMD_LAMBDA {
        const Floats<Arch> above = maximum<Arch>(load<Arch>(upper + c), load<Arch>(upper + src.pixel + c));
        return maximum<Arch>(maximum<Arch>(above, load<Arch>(lower + c)), load<Arch>(lower + src.pixel + c));
      };
      std::int64_t c = 0;
      for (; c + lanes <= channels; c += lanes) store<Arch>(to + c, largest(c));
      // Whole registers lie in src.
      if (c < channels) store_partial<Arch>(to + c, largest(c), channels - c);
    }
  }
}

// What follows the stores of some rows by columns of outputs: an activation that has to wait for them, and,
// unless `pooled` has no place, the maxima. Out of line, as apply_activation().
template <typename Arch>
__attribute__((noinline)) void finish_stored(Activation activation, const OutputSteps& stored,
                                             std::int64_t rows, std::int64_t columns, std::int64_t channels,
                                             const OutputSteps& pooled) noexcept {
  activate<Arch>(activation, {.first = stored.first,
                              .panels = rows,
                              .panel_step = stored.row,
                              .pixels = columns,
                              .pixel_step = stored.pixel,
                              .channels = channels});
  if (pooled.first != nullptr) store_maxima<Arch>(stored, rows, columns, channels, pooled);
}

// One register of output channels, from `channel` on; kWhole: `count` fills it.
template <typename Arch, bool kWhole>
class WinogradOutput {
 public:
  VARSCOPE_SIMD_INLINE WinogradOutput(const Conv2DEpilogue& epilogue, std::int64_t pixel_step,
                                      std::int64_t channel, std::int64_t count) noexcept
      : epilogue_(epilogue), pixel_step_(pixel_step), count_(count), bias_(broadcast<Arch>(0.0f)) {
    if (epilogue_.bias != nullptr) bias_ = read(epilogue_.bias + channel);
  }

  // Outputs beside each other, `columns` of which exist. dst, and index in the residual: where the first
  // one's channels lie.
  template <int kOutputs>
  VARSCOPE_SIMD_INLINE void finish(Registers<Arch, kOutputs> row, float* dst, std::int64_t index,
                                   std::int64_t columns) const noexcept {
    if (epilogue_.bias != nullptr) {
      unroll<kOutputs>([&](auto x) VARSCOPE_SIMD_LAMBDA { row.values[x] = row.values[x] + bias_; });
    }
    if (epilogue_.residual != nullptr) {
      unroll<kOutputs>([&](auto x) VARSCOPE_SIMD_LAMBDA {
        if (x < columns) row.values[x] = row.values[x] + read(epilogue_.residual + index + x * pixel_step_);
      });
    }
    if (epilogue_.activation == Activation::relu) {
      unroll<kOutputs>([&](auto x) VARSCOPE_SIMD_LAMBDA { row.values[x] = relu<Arch>(row.values[x]); });
    }
    unroll<kOutputs>([&](auto x) VARSCOPE_SIMD_LAMBDA {
      if (x >= columns) return;
      if constexpr (kWhole) {
        store<Arch>(dst + x * pixel_step_, row.values[x]);
      } else {
        store_partial<Arch>(dst + x * pixel_step_, row.values[x], count_);
      }
    });
  }

 private:
  VARSCOPE_SIMD_INLINE Floats<Arch> read(const float* src) const noexcept {
    if constexpr (kWhole) return load<Arch>(src);
    return load_partial<Arch>(src, count_, 0.0f);
  }

  const Conv2DEpilogue epilogue_;  // copies: the stores cannot change them
  const std::int64_t pixel_step_;
  const std::int64_t count_;
  Floats<Arch> bias_;
};

}  // namespace
}  // namespace varscope::simd
