// SPDX-License-Identifier: Apache-2.0
// Plain two-dimensional convolution; shapes and formula are in varscope/simd/conv2d.hpp.
#pragma once

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/reference/activation.hpp>
#include <varscope/simd/reference/arithmetic.hpp>

#include <cstdint>

namespace varscope::simd::reference {

// Computes output rows first_row .. last_row - 1, counted through the batch (image n, row y is row
// n * out_height + y), with the filter as the caller has it (HWIO, not packed). bias and residual may be
// null.
template <typename T>
void conv2d_rows(const Conv2DShape& shape, const T* input, const T* filter, const T* bias, const T* residual,
                 Activation activation, T* output, std::int64_t first_row, std::int64_t last_row) noexcept {
  using Sum = Accumulator<T>;
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const T* image = input + row / shape.out_height * shape.in_height * shape.in_width * shape.in_channels;
    const std::int64_t top = row % shape.out_height * shape.stride_height - shape.pad_top;
    for (std::int64_t x = 0; x < shape.out_width; ++x) {
      const std::int64_t left = x * shape.stride_width - shape.pad_left;
      for (std::int64_t k = 0; k < shape.out_channels; ++k) {
        const std::int64_t first_channel = k / group_out * group_in;
        Sum sum = 0;
        for (std::int64_t r = 0; r < shape.filter_height; ++r) {
          const std::int64_t in_y = top + r * shape.dilation_height;
          if (in_y < 0 || in_y >= shape.in_height) continue;
          for (std::int64_t s = 0; s < shape.filter_width; ++s) {
            const std::int64_t in_x = left + s * shape.dilation_width;
            if (in_x < 0 || in_x >= shape.in_width) continue;
            const T* pixel = image + (in_y * shape.in_width + in_x) * shape.in_channels + first_channel;
            const T* weight = filter + (r * shape.filter_width + s) * group_in * shape.out_channels + k;
            for (std::int64_t c = 0; c < group_in; ++c) {
              sum = wrapping_add(sum, wrapping_mul(static_cast<Sum>(pixel[c]),
                                                   static_cast<Sum>(weight[c * shape.out_channels])));
            }
          }
        }
        const std::int64_t index = (row * shape.out_width + x) * shape.out_channels + k;
        if (bias != nullptr) sum = wrapping_add(sum, static_cast<Sum>(bias[k]));
        if (residual != nullptr) sum = wrapping_add(sum, static_cast<Sum>(residual[index]));
        output[index] = activated(activation, rounded<T>(sum));
      }
    }
  }
}

}  // namespace varscope::simd::reference
