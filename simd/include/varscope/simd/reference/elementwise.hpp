// SPDX-License-Identifier: Apache-2.0
// Plain elementwise functions; the contract is in varscope/simd/elementwise.hpp. A function f is applied to
// an array by
//   for_each_element<Exp>(src, dst, count)   or   for_each_pair<Add, true, false>(a, &scalar, dst, count)
#pragma once

#include <varscope/simd/reference/arithmetic.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>

namespace varscope::simd::reference {

struct Abs {
  template <typename T>
  static T apply(T x) noexcept {
    if constexpr (std::integral<T>) {
      return x < 0 ? wrapping_sub(T(0), x) : x;
    } else {
      return std::fabs(x);
    }
  }
};

struct Neg {
  template <typename T>
  static T apply(T x) noexcept {
    if constexpr (std::integral<T>) {
      return wrapping_sub(T(0), x);
    } else {
      return -x;
    }
  }
};

struct Relu {
  template <typename T>
  static T apply(T x) noexcept {
    return relu_of(x);
  }
};

struct Square {
  template <typename T>
  static T apply(T x) noexcept {
    return wrapping_mul(x, x);
  }
};

struct Exp {
  template <std::floating_point T>
  static T apply(T x) noexcept {
    return std::exp(x);
  }
};

struct Log {
  template <std::floating_point T>
  static T apply(T x) noexcept {
    return std::log(x);
  }
};

struct Reciprocal {
  template <std::floating_point T>
  static T apply(T x) noexcept {
    return T(1) / x;
  }
};

struct Rsqrt {
  template <std::floating_point T>
  static T apply(T x) noexcept {
    return T(1) / std::sqrt(x);
  }
};

struct Sigmoid {
  template <std::floating_point T>
  static T apply(T x) noexcept {
    return T(1) / (T(1) + std::exp(-x));
  }
};

struct Sqrt {
  template <std::floating_point T>
  static T apply(T x) noexcept {
    return std::sqrt(x);
  }
};

struct Tanh {
  template <std::floating_point T>
  static T apply(T x) noexcept {
    return std::tanh(x);
  }
};

struct Add {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return wrapping_add(a, b);
  }
};

struct Sub {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return wrapping_sub(a, b);
  }
};

struct Mul {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return wrapping_mul(a, b);
  }
};

// Requires, for integers: b is not zero. The smallest integer divided by -1 wraps to itself.
struct Div {
  template <typename T>
  static T apply(T a, T b) noexcept {
    if constexpr (std::integral<T>) {
      return b == T(-1) ? wrapping_sub(T(0), a) : static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};

struct Maximum {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return maximum_of(a, b);
  }
};

struct Minimum {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return minimum_of(a, b);
  }
};

// dst[i] = Function(src[i])
template <typename Function, typename T>
void for_each_element(const T* src, T* dst, std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) dst[i] = Function::apply(src[i]);
}

// dst[i] = Function(a[i], b[i]); an operand that is a scalar is one element, repeated.
template <typename Function, bool kScalarA, bool kScalarB, typename T>
void for_each_pair(const T* a, const T* b, T* dst, std::int64_t count) noexcept {
  if (count <= 0) return;
  const T first_a = a[0];
  const T first_b = b[0];
  for (std::int64_t i = 0; i < count; ++i) {
    dst[i] = Function::apply(kScalarA ? first_a : a[i], kScalarB ? first_b : b[i]);
  }
}

}  // namespace varscope::simd::reference
