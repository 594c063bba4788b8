// SPDX-License-Identifier: Apache-2.0
// Plain batch normalization; the formulas are in varscope/simd/batch_norm.hpp.
#pragma once

#include <varscope/simd/batch_norm.hpp>
#include <varscope/simd/reference/arithmetic.hpp>

#include <concepts>
#include <cstdint>

namespace varscope::simd::reference {

template <std::floating_point T>
void batch_norm_statistics(const BatchNormBlock& block, const T* x, T* mean_offsets, T* squares) noexcept {
  using Sum = Accumulator<T>;
  for (std::int64_t j = 0; j < block.columns; ++j) {
    const T* column = x + j;
    const auto distance = [&](std::int64_t i) {
      return static_cast<Sum>(column[i * block.stride]) - static_cast<Sum>(column[0]);
    };
    Sum sum = 0;
    for (std::int64_t i = 0; i < block.rows; ++i) sum += distance(i);
    const Sum mean = sum / static_cast<Sum>(block.rows);
    Sum sum_of_squares = 0;
    for (std::int64_t i = 0; i < block.rows; ++i) {
      sum_of_squares += (distance(i) - mean) * (distance(i) - mean);
    }
    mean_offsets[j] = static_cast<T>(mean);
    squares[j] = static_cast<T>(sum_of_squares);
  }
}

template <std::floating_point T>
void batch_norm_normalize(const BatchNormBlock& block, const T* x, const T* mean, const T* factor,
                          const T* offset, T* y) noexcept {
  for (std::int64_t i = 0; i < block.rows; ++i, x += block.stride, y += block.stride) {
    for (std::int64_t j = 0; j < block.columns; ++j) y[j] = (x[j] - mean[j]) * factor[j] + offset[j];
  }
}

template <std::floating_point T>
void batch_norm_gradient_sums(const BatchNormBlock& block, const T* g, const T* x, const T* mean, T* sums,
                              T* products) noexcept {
  using Sum = Accumulator<T>;
  for (std::int64_t j = 0; j < block.columns; ++j) {
    Sum sum = 0;
    Sum product = 0;
    for (std::int64_t i = 0; i < block.rows; ++i) {
      const auto at = i * block.stride + j;
      sum += static_cast<Sum>(g[at]);
      product += static_cast<Sum>(g[at]) * (static_cast<Sum>(x[at]) - static_cast<Sum>(mean[j]));
    }
    sums[j] = static_cast<T>(sum);
    products[j] = static_cast<T>(product);
  }
}

template <std::floating_point T>
void batch_norm_gradient(const BatchNormBlock& block, const T* g, const T* x,
                         const BatchNormGradientNumbers<T>& numbers, T* dx) noexcept {
  for (std::int64_t i = 0; i < block.rows; ++i) {
    for (std::int64_t j = 0; j < block.columns; ++j) {
      const auto at = i * block.stride + j;
      dx[at] = g[at] * numbers.of_g[j] + ((x[at] - numbers.mean[j]) * numbers.of_x[j] + numbers.constant[j]);
    }
  }
}

template <std::floating_point T>
constexpr BatchNormFunctions<T> batch_norm_functions() noexcept {
  return {.statistics = &batch_norm_statistics<T>,
          .normalize = &batch_norm_normalize<T>,
          .gradient_sums = &batch_norm_gradient_sums<T>,
          .gradient = &batch_norm_gradient<T>};
}

}  // namespace varscope::simd::reference
