// SPDX-License-Identifier: Apache-2.0
// Plain softmax; the formula is in varscope/simd/softmax.hpp.
#pragma once

#include <varscope/simd/reference/arithmetic.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>

namespace varscope::simd::reference {

template <std::floating_point T>
void softmax_rows(const T* src, T* dst, std::int64_t rows, std::int64_t length) noexcept {
  if (length <= 0) return;
  for (std::int64_t i = 0; i < rows; ++i, src += length, dst += length) {
    T largest = src[0];
    for (std::int64_t j = 1; j < length; ++j) largest = maximum_of(largest, src[j]);
    Accumulator<T> sum = 0;
    for (std::int64_t j = 0; j < length; ++j) {
      dst[j] = std::exp(src[j] - largest);
      sum += static_cast<Accumulator<T>>(dst[j]);
    }
    for (std::int64_t j = 0; j < length; ++j)
      dst[j] = static_cast<T>(static_cast<Accumulator<T>>(dst[j]) / sum);
  }
}

}  // namespace varscope::simd::reference
