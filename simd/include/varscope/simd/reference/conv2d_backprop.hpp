// SPDX-License-Identifier: Apache-2.0
// The gradients of a convolution, plainly; shapes and formulas are in varscope/simd/conv2d_backprop_input.hpp
// and conv2d_backprop_filter.hpp.
#pragma once

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/reference/arithmetic.hpp>

#include <algorithm>
#include <cstdint>

namespace varscope::simd::reference {

// Output channels that are summed side by side.
inline constexpr std::int64_t kBackpropChannels = 64;

// Of the filter's gradient [filter_height, filter_width, in_channels / groups] rows of out_channels: rows
// first_row .. last_row - 1.
template <typename T>
void conv2d_backprop_filter_rows(const Conv2DShape& shape, const T* input, const T* out_backprop,
                                 T* filter_backprop, std::int64_t first_row, std::int64_t last_row) noexcept {
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const std::int64_t c = row % group_in;
    const std::int64_t s = row / group_in % shape.filter_width;
    const std::int64_t r = row / group_in / shape.filter_width;
    for (std::int64_t first = 0; first < shape.out_channels; first += kBackpropChannels) {
      const std::int64_t channels = std::min(kBackpropChannels, shape.out_channels - first);
      Accumulator<T> sums[kBackpropChannels] = {};
      for (std::int64_t out_row = 0; out_row < shape.batch * shape.out_height; ++out_row) {
        const std::int64_t y =
            out_row % shape.out_height * shape.stride_height + r * shape.dilation_height - shape.pad_top;
        if (y < 0 || y >= shape.in_height) continue;
        const T* in_row =
            input + (out_row / shape.out_height * shape.in_height + y) * shape.in_width * shape.in_channels;
        for (std::int64_t out_x = 0; out_x < shape.out_width; ++out_x) {
          const std::int64_t x = out_x * shape.stride_width + s * shape.dilation_width - shape.pad_left;
          if (x < 0 || x >= shape.in_width) continue;
          const T* pixel = in_row + x * shape.in_channels + c;
          const T* gradient = out_backprop + (out_row * shape.out_width + out_x) * shape.out_channels + first;
          for (std::int64_t k = 0; k < channels; ++k) {
            const T value = pixel[(first + k) / group_out * group_in];
            sums[k] += static_cast<Accumulator<T>>(value) * static_cast<Accumulator<T>>(gradient[k]);
          }
        }
      }
      T* dst = filter_backprop + row * shape.out_channels + first;
      for (std::int64_t k = 0; k < channels; ++k) dst[k] = rounded<T>(sums[k]);
    }
  }
}

// Rows first_row .. last_row - 1 of the input's gradient, counted through the batch.
template <typename T>
void conv2d_backprop_input_rows(const Conv2DShape& shape, const T* filter, const T* out_backprop,
                                T* input_backprop, std::int64_t first_row, std::int64_t last_row) noexcept {
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const std::int64_t image = row / shape.in_height;
    for (std::int64_t x = 0; x < shape.in_width; ++x) {
      for (std::int64_t c = 0; c < shape.in_channels; ++c) {
        Accumulator<T> sum = 0;
        for (std::int64_t r = 0; r < shape.filter_height; ++r) {
          const std::int64_t y = row % shape.in_height + shape.pad_top - r * shape.dilation_height;
          if (y < 0 || y % shape.stride_height != 0 || y / shape.stride_height >= shape.out_height) continue;
          for (std::int64_t s = 0; s < shape.filter_width; ++s) {
            const std::int64_t out_x = x + shape.pad_left - s * shape.dilation_width;
            if (out_x < 0 || out_x % shape.stride_width != 0 ||
                out_x / shape.stride_width >= shape.out_width) {
              continue;
            }
            const T* gradient = out_backprop +
                                ((image * shape.out_height + y / shape.stride_height) * shape.out_width +
                                 out_x / shape.stride_width) *
                                    shape.out_channels +
                                c / group_in * group_out;
            const T* weight = filter +
                              ((r * shape.filter_width + s) * group_in + c % group_in) * shape.out_channels +
                              c / group_in * group_out;
            for (std::int64_t k = 0; k < group_out; ++k) {
              sum += static_cast<Accumulator<T>>(gradient[k]) * static_cast<Accumulator<T>>(weight[k]);
            }
          }
        }
        input_backprop[(row * shape.in_width + x) * shape.in_channels + c] = rounded<T>(sum);
      }
    }
  }
}

}  // namespace varscope::simd::reference
