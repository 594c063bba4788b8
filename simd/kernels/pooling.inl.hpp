// SPDX-License-Identifier: Apache-2.0
// Pooling with vectors along the channels; the rules are in varscope/simd/pooling.hpp.
#pragma once

#include "pooling_grad.inl.hpp"
#include "vector.inl.hpp"

#include <varscope/simd/pooling.hpp>

namespace varscope::simd {
namespace {

template <typename Arch>
struct MaxPool {
  static VARSCOPE_SIMD_INLINE Floats<Arch> start() noexcept { return broadcast<Arch>(-__builtin_inff()); }
  static VARSCOPE_SIMD_INLINE Floats<Arch> add(Floats<Arch> a, Floats<Arch> x) noexcept {
    return maximum<Arch>(a, x);
  }
  static VARSCOPE_SIMD_INLINE Floats<Arch> finish(Floats<Arch> a, float) noexcept { return a; }
};

template <typename Arch>
struct AveragePool {
  static VARSCOPE_SIMD_INLINE Floats<Arch> start() noexcept { return broadcast<Arch>(0.0f); }
  static VARSCOPE_SIMD_INLINE Floats<Arch> add(Floats<Arch> a, Floats<Arch> x) noexcept { return a + x; }
  static VARSCOPE_SIMD_INLINE Floats<Arch> finish(Floats<Arch> a, float count) noexcept {
    return divide<Arch>(a, broadcast<Arch>(count));
  }
};

// The elements of one window: `rows` by `columns` pixels.
struct PoolWindow {
  const float* first;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t row_step;
  std::int64_t pixel_step;
};

template <typename Arch, typename Pool, typename Load>
VARSCOPE_SIMD_INLINE Floats<Arch> pool_window(const PoolWindow& window, Load&& load_pixel) noexcept {
  Floats<Arch> result = Pool::start();
  for (std::int64_t r = 0; r < window.rows; ++r) {
    for (std::int64_t s = 0; s < window.columns; ++s) {
      result = Pool::add(result, load_pixel(window.first + r * window.row_step + s * window.pixel_step));
    }
  }
  return Pool::finish(result, static_cast<float>(window.rows * window.columns));
}

template <typename Arch, typename Pool>
void pool2d(const Pool2DShape& shape, const float* input, float* output, std::int64_t first_row,
            std::int64_t last_row) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const std::int64_t channels = shape.channels;
  const std::int64_t row_floats = shape.in_width * channels;
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const float* image = input + row / shape.out_height * shape.in_height * row_floats;
    const std::int64_t top = row % shape.out_height * shape.stride_height - shape.pad_top;
    const std::int64_t first_y = larger<std::int64_t>(top, 0);
    const std::int64_t last_y = smaller(top + shape.window_height, shape.in_height);
    for (std::int64_t x = 0; x < shape.out_width; ++x) {
      const std::int64_t left = x * shape.stride_width - shape.pad_left;
      const std::int64_t first_x = larger<std::int64_t>(left, 0);
      const std::int64_t last_x = smaller(left + shape.window_width, shape.in_width);
      const bool inside = first_y < last_y && first_x < last_x;
      PoolWindow window = {.first = inside ? image + first_y * row_floats + first_x * channels : image,
                           .rows = inside ? last_y - first_y : 0,
                           .columns = inside ? last_x - first_x : 0,
                           .row_step = row_floats,
                           .pixel_step = channels};
      float* dst = output + (row * shape.out_width + x) * channels;
      std::int64_t c = 0;
      for (; c + lanes <= channels; c += lanes, window.first += lanes) {
        store<Arch>(dst + c, pool_window<Arch, Pool>(window, [](const float* src) VARSCOPE_SIMD_LAMBDA {
                      return load<Arch>(src);
                    }));
      }
      if (c < channels) {
        const std::int64_t rest = channels - c;
        const Floats<Arch> value = pool_window<Arch, Pool>(
            window,
            [rest](const float* src) VARSCOPE_SIMD_LAMBDA { return load_partial<Arch>(src, rest, 0.0f); });
        store_partial<Arch>(dst + c, value, rest);
      }
    }
  }
}

template <typename Arch>
constexpr PoolingKernels pooling_kernels() noexcept {
  return {.max_pool2d = &pool2d<Arch, MaxPool<Arch>>,
          .average_pool2d = &pool2d<Arch, AveragePool<Arch>>,
          .max_pool2d_grad = &max_pool2d_grad<Arch>,
          .average_pool2d_grad = &average_pool2d_grad<Arch>};
}

}  // namespace
}  // namespace varscope::simd
