// SPDX-License-Identifier: Apache-2.0
// Plain gradients of pooling; shapes and rules are in varscope/simd/pooling.hpp.
#pragma once

#include <varscope/simd/pooling.hpp>
#include <varscope/simd/reference/arithmetic.hpp>

#include <algorithm>
#include <cstdint>

namespace varscope::simd::reference {

// The part of a window that lies in the image.
struct PoolWindowPart {
  std::int64_t first_y;
  std::int64_t last_y;
  std::int64_t first_x;
  std::int64_t last_x;

  PoolWindowPart(const Pool2DShape& shape, std::int64_t out_y, std::int64_t out_x) noexcept {
    const std::int64_t top = out_y * shape.stride_height - shape.pad_top;
    const std::int64_t left = out_x * shape.stride_width - shape.pad_left;
    first_y = std::max<std::int64_t>(top, 0);
    last_y = std::min(top + shape.window_height, shape.in_height);
    first_x = std::max<std::int64_t>(left, 0);
    last_x = std::min(left + shape.window_width, shape.in_width);
  }
};

// The windows, along one side, that hold pixel `at`: first .. last - 1.
struct PoolWindowsAt {
  std::int64_t first;
  std::int64_t last;

  PoolWindowsAt(std::int64_t at, std::int64_t pad, std::int64_t window, std::int64_t stride,
                std::int64_t out) noexcept {
    const std::int64_t above = at + pad - window;  // windows that start here or before end before the pixel
    first = above < 0 ? 0 : above / stride + 1;
    last = std::min((at + pad) / stride + 1, out);
  }
};

// Sets each element of input rows first_row .. last_row - 1 to the sum of part(window, index of the window's
// output element, index of the input element) over the windows that hold it.
template <typename T, typename Part>
void sum_over_windows(const Pool2DShape& shape, T* input_grad, std::int64_t first_row, std::int64_t last_row,
                      Part&& part) noexcept {
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const std::int64_t image = row / shape.in_height;
    const PoolWindowsAt rows(row % shape.in_height, shape.pad_top, shape.window_height, shape.stride_height,
                             shape.out_height);
    for (std::int64_t i = 0; i < shape.in_width * shape.channels; ++i) {
      const PoolWindowsAt columns(i / shape.channels, shape.pad_left, shape.window_width, shape.stride_width,
                                  shape.out_width);
      const std::int64_t in = row * shape.in_width * shape.channels + i;
      Accumulator<T> sum = 0;
      for (std::int64_t out_y = rows.first; out_y < rows.last; ++out_y) {
        for (std::int64_t out_x = columns.first; out_x < columns.last; ++out_x) {
          const std::int64_t out =
              ((image * shape.out_height + out_y) * shape.out_width + out_x) * shape.channels +
              i % shape.channels;
          sum += static_cast<Accumulator<T>>(part(PoolWindowPart(shape, out_y, out_x), out, in));
        }
      }
      input_grad[in] = rounded<T>(sum);
    }
  }
}

template <typename T>
void max_pool2d_grad(const Pool2DShape& shape, const T* input, const T* output, const T* grad, T* input_grad,
                     std::int64_t first_row, std::int64_t last_row) noexcept {
  const auto part = [&](const PoolWindowPart& window, std::int64_t out, std::int64_t in) {
    const std::int64_t row = in / (shape.in_width * shape.channels);
    const std::int64_t image_row = row - row % shape.in_height;
    for (std::int64_t y = window.first_y; y < window.last_y; ++y) {
      for (std::int64_t x = window.first_x; x < window.last_x; ++x) {
        const std::int64_t index =
            ((image_row + y) * shape.in_width + x) * shape.channels + in % shape.channels;
        if (input[index] == output[out]) return index == in ? grad[out] : T(0);
      }
    }
    return T(0);
  };
  sum_over_windows(shape, input_grad, first_row, last_row, part);
}

template <typename T>
void average_pool2d_grad(const Pool2DShape& shape, const T* grad, T* input_grad, std::int64_t first_row,
                         std::int64_t last_row) noexcept {
  const auto part = [&](const PoolWindowPart& window, std::int64_t out, std::int64_t) {
    const std::int64_t count = (window.last_y - window.first_y) * (window.last_x - window.first_x);
    return static_cast<Accumulator<T>>(grad[out]) / static_cast<Accumulator<T>>(count);
  };
  sum_over_windows(shape, input_grad, first_row, last_row, part);
}

}  // namespace varscope::simd::reference
