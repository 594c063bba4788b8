// SPDX-License-Identifier: Apache-2.0
// Gradients of pooling with vectors along the channels; the rules are in varscope/simd/pooling.hpp.
//
// Windows are visited row by row, and each adds to those of its pixels that lie in the rows that are asked
// for; a window on the border of two ranges is visited by both.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/pooling.hpp>

namespace varscope::simd {
namespace {

// The part of one window that lies in the image.
struct PoolGradWindow {
  std::int64_t first_y;
  std::int64_t last_y;
  std::int64_t first_x;
  std::int64_t last_x;
  std::int64_t out;  // index of the output element's channel 0
};

// The gradient of one register of channels goes to the first pixel that equals the maximum. What is left of
// it is zero from there on.
template <typename Arch>
class MaxPoolGrad {
 public:
  MaxPoolGrad(const float* input, const float* output, const float* grad) noexcept
      : input_(input), output_(output), grad_(grad) {}

  struct State {
    Floats<Arch> largest;
    Floats<Arch> rest;
  };
  template <typename Load>
  VARSCOPE_SIMD_INLINE State start(std::int64_t out, float, Load&& load_at) const noexcept {
    return {load_at(output_ + out), load_at(grad_ + out)};
  }
  template <typename Load>
  VARSCOPE_SIMD_INLINE Floats<Arch> part(State& state, std::int64_t in, Load&& load_at) const noexcept {
    const Floats<Arch> zero = broadcast<Arch>(0.0f);
    const auto found = load_at(input_ + in) == state.largest;
    const Floats<Arch> value = xsimd::select(found, state.rest, zero);
    state.rest = xsimd::select(found, zero, state.rest);
    return value;
  }

 private:
  const float* input_;
  const float* output_;
  const float* grad_;
};

template <typename Arch>
class AveragePoolGrad {
 public:
  explicit AveragePoolGrad(const float* grad) noexcept : grad_(grad) {}

  using State = Floats<Arch>;
  template <typename Load>
  VARSCOPE_SIMD_INLINE State start(std::int64_t out, float count, Load&& load_at) const noexcept {
    return divide<Arch>(load_at(grad_ + out), broadcast<Arch>(count));
  }
  template <typename Load>
  VARSCOPE_SIMD_INLINE Floats<Arch> part(State& state, std::int64_t, Load&&) const noexcept {
    return state;
  }

 private:
  const float* grad_;
};

template <typename Arch, typename Pool>
class PoolGradRows {
 public:
  PoolGradRows(const Pool2DShape& shape, const Pool& pool, float* input_grad) noexcept
      : shape_(shape),
        pool_(pool),
        input_grad_(input_grad),
        row_floats_(shape.in_width * shape.channels),
        // Then the windows are the whole image, and each pixel is in one of them: nothing needs to be added.
        tiled_(shape.stride_height == shape.window_height && shape.stride_width == shape.window_width &&
               shape.pad_top == 0 && shape.pad_left == 0 &&
               shape.out_height * shape.stride_height >= shape.in_height &&
               shape.out_width * shape.stride_width >= shape.in_width) {}

  VARSCOPE_SIMD_INLINE void run(std::int64_t first_row, std::int64_t last_row) noexcept {
    while (first_row < last_row) {
      image_ = first_row / shape_.in_height;
      first_y_ = first_row % shape_.in_height;
      last_y_ = smaller(first_y_ + last_row - first_row, shape_.in_height);
      first_row += last_y_ - first_y_;
      if (tiled_) {
        run_image<true>();
      } else {
        float* dst = input_grad_ + (image_ * shape_.in_height + first_y_) * row_floats_;
        for (std::int64_t i = 0; i < (last_y_ - first_y_) * row_floats_; ++i) dst[i] = 0.0f;
        run_image<false>();
      }
    }
  }

 private:
  template <bool kTiled>
  VARSCOPE_SIMD_INLINE void run_image() const noexcept {
    // The first window that ends below the first row.
    const std::int64_t above = first_y_ + shape_.pad_top - shape_.window_height;
    const std::int64_t first_out = above < 0 ? 0 : above / shape_.stride_height + 1;
    for (std::int64_t out_y = first_out; out_y < shape_.out_height; ++out_y) {
      const std::int64_t top = out_y * shape_.stride_height - shape_.pad_top;
      if (top >= last_y_) break;
      for (std::int64_t out_x = 0; out_x < shape_.out_width; ++out_x) {
        const std::int64_t left = out_x * shape_.stride_width - shape_.pad_left;
        const PoolGradWindow window = {
            .first_y = larger<std::int64_t>(top, 0),
            .last_y = smaller(top + shape_.window_height, shape_.in_height),
            .first_x = larger<std::int64_t>(left, 0),
            .last_x = smaller(left + shape_.window_width, shape_.in_width),
            .out = ((image_ * shape_.out_height + out_y) * shape_.out_width + out_x) * shape_.channels};
        run_window<kTiled>(window);
      }
    }
  }

  template <bool kTiled>
  VARSCOPE_SIMD_INLINE void run_window(const PoolGradWindow& window) const noexcept {
    constexpr std::int64_t lanes = kLanes<Arch>;
    std::int64_t c = 0;
    for (; c + lanes <= shape_.channels; c += lanes) {
      run_register<kTiled>(
          window, c, [](const float* src) VARSCOPE_SIMD_LAMBDA { return load<Arch>(src); },
          [](float* dst, Floats<Arch> value) VARSCOPE_SIMD_LAMBDA { store<Arch>(dst, value); });
    }
    if (c < shape_.channels) {
      const std::int64_t rest = shape_.channels - c;
      run_register<kTiled>(
          window, c,
          [rest](const float* src) VARSCOPE_SIMD_LAMBDA { return load_partial<Arch>(src, rest, 0.0f); },
          [rest](float* dst, Floats<Arch> value)
              VARSCOPE_SIMD_LAMBDA { store_partial<Arch>(dst, value, rest); });
    }
  }

  template <bool kTiled, typename Load, typename Store>
  VARSCOPE_SIMD_INLINE void run_register(const PoolGradWindow& window, std::int64_t c, Load&& load_at,
                                         Store&& store_at) const noexcept {
    const std::int64_t count = (window.last_y - window.first_y) * (window.last_x - window.first_x);
    typename Pool::State state = pool_.start(window.out + c, static_cast<float>(count), load_at);
    for (std::int64_t y = window.first_y; y < window.last_y; ++y) {
      const bool asked_for = y >= first_y_ && y < last_y_;
      for (std::int64_t x = window.first_x; x < window.last_x; ++x) {
        const std::int64_t in = ((image_ * shape_.in_height + y) * shape_.in_width + x) * shape_.channels + c;
        const Floats<Arch> value = pool_.part(state, in, load_at);
        if (!asked_for) continue;
        store_at(input_grad_ + in, kTiled ? value : load_at(input_grad_ + in) + value);
      }
    }
  }

  const Pool2DShape& shape_;
  const Pool pool_;
  float* const input_grad_;
  const std::int64_t row_floats_;
  const bool tiled_;
  std::int64_t image_ = 0;
  std::int64_t first_y_ = 0;  // the rows of the image that are asked for
  std::int64_t last_y_ = 0;
};

template <typename Arch>
void max_pool2d_grad(const Pool2DShape& shape, const float* input, const float* output, const float* grad,
                     float* input_grad, std::int64_t first_row, std::int64_t last_row) noexcept {
  const MaxPoolGrad<Arch> pool(input, output, grad);
  PoolGradRows<Arch, MaxPoolGrad<Arch>>(shape, pool, input_grad).run(first_row, last_row);
}

template <typename Arch>
void average_pool2d_grad(const Pool2DShape& shape, const float* grad, float* input_grad,
                         std::int64_t first_row, std::int64_t last_row) noexcept {
  const AveragePoolGrad<Arch> pool(grad);
  PoolGradRows<Arch, AveragePoolGrad<Arch>>(shape, pool, input_grad).run(first_row, last_row);
}

}  // namespace
}  // namespace varscope::simd
