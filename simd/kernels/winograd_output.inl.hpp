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

// One register of output channels, from `channel` on; kWhole: `count` fills it.
template <typename Arch, bool kWhole>
class WinogradOutput {
 public:
  VARSCOPE_SIMD_INLINE WinogradOutput(const Conv2DArguments& arguments, std::int64_t pixel_step,
                                      std::int64_t channel, std::int64_t count) noexcept
      : epilogue_(arguments.epilogue),
        output_(arguments.output),
        pixel_step_(pixel_step),
        count_(count),
        bias_(broadcast<Arch>(0.0f)) {
    if (epilogue_.bias != nullptr) bias_ = read(epilogue_.bias + channel);
  }

  // Outputs beside each other, `columns` of which exist; `index`: where the first one's channels lie.
  template <int kOutputs>
  VARSCOPE_SIMD_INLINE void finish(Registers<Arch, kOutputs> row, std::int64_t index,
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
        store<Arch>(output_ + index + x * pixel_step_, row.values[x]);
      } else {
        store_partial<Arch>(output_ + index + x * pixel_step_, row.values[x], count_);
      }
    });
  }

 private:
  VARSCOPE_SIMD_INLINE Floats<Arch> read(const float* src) const noexcept {
    if constexpr (kWhole) return load<Arch>(src);
    return load_partial<Arch>(src, count_, 0.0f);
  }

  const Conv2DEpilogue epilogue_;  // copies: the stores cannot change them
  float* const output_;
  const std::int64_t pixel_step_;
  const std::int64_t count_;
  Floats<Arch> bias_;
};

}  // namespace
}  // namespace varscope::simd
