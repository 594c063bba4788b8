// SPDX-License-Identifier: Apache-2.0
// Plain reductions along one axis; the rules are in varscope/simd/reduce.hpp. Rows are the case inner == 1.
#pragma once

#include <varscope/simd/reference/arithmetic.hpp>
#include <varscope/simd/reference/pooling.hpp>

#include <cstdint>

namespace varscope::simd::reference {

// src [outer, length, inner] -> dst [outer, inner]
template <typename T>
void sum_axis(const T* src, T* dst, std::int64_t outer, std::int64_t length, std::int64_t inner) noexcept {
  for (std::int64_t i = 0; i < outer * inner; ++i) {
    const T* first = src + i / inner * length * inner + i % inner;
    Accumulator<T> sum = 0;
    for (std::int64_t j = 0; j < length; ++j) {
      sum = wrapping_add(sum, static_cast<Accumulator<T>>(first[j * inner]));
    }
    dst[i] = rounded<T>(sum);
  }
}

// Requires, for integers: length is not zero.
template <typename T>
void mean_axis(const T* src, T* dst, std::int64_t outer, std::int64_t length, std::int64_t inner) noexcept {
  for (std::int64_t i = 0; i < outer * inner; ++i) {
    const T* first = src + i / inner * length * inner + i % inner;
    Accumulator<T> sum = 0;
    for (std::int64_t j = 0; j < length; ++j) {
      sum = wrapping_add(sum, static_cast<Accumulator<T>>(first[j * inner]));
    }
    dst[i] = mean_of<T>(sum, length);
  }
}

template <typename T>
void max_axis(const T* src, T* dst, std::int64_t outer, std::int64_t length, std::int64_t inner) noexcept {
  for (std::int64_t i = 0; i < outer * inner; ++i) {
    const T* first = src + i / inner * length * inner + i % inner;
    T largest = lowest_value<T>();
    for (std::int64_t j = 0; j < length; ++j) largest = maximum_of(largest, first[j * inner]);
    dst[i] = largest;
  }
}

// Requires: length is not zero.
template <typename T>
void argmax_axis(const T* src, std::int64_t* dst, std::int64_t outer, std::int64_t length,
                 std::int64_t inner) noexcept {
  for (std::int64_t i = 0; i < outer * inner; ++i) {
    const T* first = src + i / inner * length * inner + i % inner;
    std::int64_t best = 0;
    for (std::int64_t j = 1; j < length; ++j) {
      const T candidate = first[j * inner];
      const T largest = first[best * inner];
      if (candidate > largest || (candidate != candidate && largest == largest)) best = j;
    }
    dst[i] = best;
  }
}

}  // namespace varscope::simd::reference
