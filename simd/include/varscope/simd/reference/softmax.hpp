// SPDX-License-Identifier: Apache-2.0
// Plain softmax; the formula is in varscope/simd/softmax.hpp.
#pragma once

#include <varscope/simd/reference/arithmetic.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>

namespace varscope::simd::reference {

// largest and sums may be null.
template <std::floating_point T>
void softmax_rows_and_sums(const T* src, T* dst, T* largest, T* sums, std::int64_t rows,
                           std::int64_t length) noexcept {
  if (length <= 0) return;
  for (std::int64_t i = 0; i < rows; ++i, src += length, dst += length) {
    T maximum = src[0];
    for (std::int64_t j = 1; j < length; ++j) maximum = maximum_of(maximum, src[j]);
    Accumulator<T> sum = 0;
    for (std::int64_t j = 0; j < length; ++j) {
      dst[j] = std::exp(src[j] - maximum);
      sum += static_cast<Accumulator<T>>(dst[j]);
    }
    for (std::int64_t j = 0; j < length; ++j)
      dst[j] = static_cast<T>(static_cast<Accumulator<T>>(dst[j]) / sum);
    if (largest != nullptr) largest[i] = maximum;
    if (sums != nullptr) sums[i] = static_cast<T>(sum);
  }
}

template <std::floating_point T>
void softmax_rows(const T* src, T* dst, std::int64_t rows, std::int64_t length) noexcept {
  softmax_rows_and_sums<T>(src, dst, nullptr, nullptr, rows, length);
}

}  // namespace varscope::simd::reference
