// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the plain references, for every element type T: float, double, std::int32_t,
// std::int64_t.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace varscope::simd::reference {

// What sums of T are kept in: float sums in double, integers in themselves (they wrap, see below).
template <typename T>
using Accumulator = std::conditional_t<std::is_same_v<T, float>, double, T>;

// Integer arithmetic wraps around as in two's complement: it goes through the unsigned type, where that is
// defined.
template <typename T>
constexpr T wrapping_add(T a, T b) noexcept {
  if constexpr (std::integral<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}

template <typename T>
constexpr T wrapping_sub(T a, T b) noexcept {
  if constexpr (std::integral<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) - static_cast<Unsigned>(b));
  } else {
    return a - b;
  }
}

template <typename T>
constexpr T wrapping_mul(T a, T b) noexcept {
  if constexpr (std::integral<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b));
  } else {
    return a * b;
  }
}

// Rounds to T what was summed in Accumulator<T>.
template <typename T>
constexpr T rounded(Accumulator<T> sum) noexcept {
  return static_cast<T>(sum);
}

// sum / count; integers truncate toward zero. Requires: count is not zero for integers.
template <typename T>
constexpr T mean_of(Accumulator<T> sum, std::int64_t count) noexcept {
  if constexpr (std::integral<T>) {
    return static_cast<T>(static_cast<std::int64_t>(sum) / count);
  } else {
    return static_cast<T>(sum / static_cast<Accumulator<T>>(count));
  }
}

// The larger, the smaller; NaN when either is NaN.
template <typename T>
constexpr T maximum_of(T a, T b) noexcept {
  return (a >= b || a != a) ? a : b;
}

template <typename T>
constexpr T minimum_of(T a, T b) noexcept {
  return (a <= b || a != a) ? a : b;
}

template <typename T>
constexpr T relu_of(T x) noexcept {
  return x < T(0) ? T(0) : x;
}

}  // namespace varscope::simd::reference
