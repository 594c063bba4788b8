// SPDX-License-Identifier: Apache-2.0
// Plain pooling; shapes and rules are in varscope/simd/pooling.hpp.
#pragma once

#include <varscope/simd/pooling.hpp>
#include <varscope/simd/reference/arithmetic.hpp>

#include <concepts>
#include <cstdint>
#include <limits>

namespace varscope::simd::reference {

// The smallest value of T: what the maximum of nothing is.
template <typename T>
constexpr T lowest_value() noexcept {
  if constexpr (std::numeric_limits<T>::has_infinity) {
    return -std::numeric_limits<T>::infinity();
  } else {
    return std::numeric_limits<T>::lowest();
  }
}

// Calls visit(index of an input element) for every element of every window in output rows
// first_row .. last_row - 1, and finish(index of the output element, count of elements) after each window.
template <typename Visit, typename Finish>
void for_each_window(const Pool2DShape& shape, std::int64_t first_row, std::int64_t last_row, Visit&& visit,
                     Finish&& finish) noexcept {
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const std::int64_t image_row = row / shape.out_height * shape.in_height;
    const std::int64_t top = row % shape.out_height * shape.stride_height - shape.pad_top;
    for (std::int64_t x = 0; x < shape.out_width; ++x) {
      const std::int64_t left = x * shape.stride_width - shape.pad_left;
      for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
        const std::int64_t out = (row * shape.out_width + x) * shape.channels + channel;
        std::int64_t count = 0;
        for (std::int64_t y = top < 0 ? 0 : top; y < top + shape.window_height && y < shape.in_height; ++y) {
          for (std::int64_t in_x = left < 0 ? 0 : left;
               in_x < left + shape.window_width && in_x < shape.in_width; ++in_x) {
            visit(((image_row + y) * shape.in_width + in_x) * shape.channels + channel);
            ++count;
          }
        }
        finish(out, count);
      }
    }
  }
}

template <typename T>
void max_pool2d(const Pool2DShape& shape, const T* input, T* output, std::int64_t first_row,
                std::int64_t last_row) noexcept {
  T largest = lowest_value<T>();
  for_each_window(
      shape, first_row, last_row, [&](std::int64_t in) { largest = maximum_of(largest, input[in]); },
      [&](std::int64_t out, std::int64_t) {
        output[out] = largest;
        largest = lowest_value<T>();
      });
}

// An integer average of nothing is zero.
template <typename T>
void average_pool2d(const Pool2DShape& shape, const T* input, T* output, std::int64_t first_row,
                    std::int64_t last_row) noexcept {
  Accumulator<T> sum = 0;
  for_each_window(
      shape, first_row, last_row,
      [&](std::int64_t in) { sum = wrapping_add(sum, static_cast<Accumulator<T>>(input[in])); },
      [&](std::int64_t out, std::int64_t count) {
        output[out] = (std::integral<T> && count == 0) ? T(0) : mean_of<T>(sum, count);
        sum = 0;
      });
}

}  // namespace varscope::simd::reference
