// SPDX-License-Identifier: Apache-2.0
// Elementwise functions; the contract is in varscope/simd/elementwise.hpp. The last, partial register goes
// through the same instructions as the others, padded with ones, so an element's bits do not depend on its
// position.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/elementwise.hpp>

namespace varscope::simd {
namespace {

template <typename Arch, typename Function>
VARSCOPE_SIMD_FLATTEN void for_each_element(const float* src, float* dst, std::int64_t count) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store<Arch>(dst + i, Function::apply(load<Arch>(src + i)));
  if (i < count) {
    const Floats<Arch> x = load_partial<Arch>(src + i, count - i, 1.0f);
    store_partial<Arch>(dst + i, Function::apply(x), count - i);
  }
}

template <typename Arch, typename Function, bool kScalarA, bool kScalarB>
void for_each_pair(const float* a, const float* b, float* dst, std::int64_t count) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  if (count <= 0) return;
  const Floats<Arch> first_a = broadcast<Arch>(a[0]);
  const Floats<Arch> first_b = broadcast<Arch>(b[0]);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Floats<Arch> x = kScalarA ? first_a : load<Arch>(a + i);
    const Floats<Arch> y = kScalarB ? first_b : load<Arch>(b + i);
    store<Arch>(dst + i, Function::apply(x, y));
  }
  if (i < count) {
    const std::int64_t rest = count - i;
    const Floats<Arch> x = kScalarA ? first_a : load_partial<Arch>(a + i, rest, 1.0f);
    const Floats<Arch> y = kScalarB ? first_b : load_partial<Arch>(b + i, rest, 1.0f);
    store_partial<Arch>(dst + i, Function::apply(x, y), rest);
  }
}

template <typename Arch>
struct Abs {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept { return xsimd::abs(x); }
};

// xsimd's exp gives infinity above 88.38, though exp is finite up to 88.72: there it is exp(x - c) * exp(c),
// with a c that is subtracted without rounding.
template <typename Arch>
struct Exp {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept {
    constexpr float kShift = 0.693359375f;
    constexpr float kExpShift = 2.000424434f;
    const auto large = x > broadcast<Arch>(88.0f);
    const Floats<Arch> y = xsimd::exp(xsimd::select(large, x - broadcast<Arch>(kShift), x));
    return xsimd::select(large, y * broadcast<Arch>(kExpShift), y);
  }
};

template <typename Arch>
struct Log {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept { return xsimd::log(x); }
};

template <typename Arch>
struct Neg {
  // Not -x, which xsimd 8.1 computes as 0 - x on AVX-512: that makes +0 of +0.
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept {
    return x ^ broadcast<Arch>(-0.0f);
  }
};

template <typename Arch>
struct Reciprocal {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept {
    return divide<Arch>(broadcast<Arch>(1.0f), x);
  }
};

template <typename Arch>
struct Relu {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept { return relu<Arch>(x); }
};

template <typename Arch>
struct Rsqrt {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept {
    return divide<Arch>(broadcast<Arch>(1.0f), square_root<Arch>(x));
  }
};

template <typename Arch>
struct Sigmoid {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept {
    const Floats<Arch> one = broadcast<Arch>(1.0f);
    return divide<Arch>(one, one + xsimd::exp(-x));
  }
};

template <typename Arch>
struct Sqrt {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept { return square_root<Arch>(x); }
};

template <typename Arch>
struct Square {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept { return x * x; }
};

template <typename Arch>
struct Tanh {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> x) noexcept { return xsimd::tanh(x); }
};

template <typename Arch>
struct Add {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> a, Floats<Arch> b) noexcept { return a + b; }
};

template <typename Arch>
struct Sub {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> a, Floats<Arch> b) noexcept { return a - b; }
};

template <typename Arch>
struct Mul {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> a, Floats<Arch> b) noexcept { return a * b; }
};

template <typename Arch>
struct Div {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> a, Floats<Arch> b) noexcept {
    return divide<Arch>(a, b);
  }
};

template <typename Arch>
struct Maximum {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> a, Floats<Arch> b) noexcept {
    return maximum<Arch>(a, b);
  }
};

template <typename Arch>
struct Minimum {
  static VARSCOPE_SIMD_INLINE Floats<Arch> apply(Floats<Arch> a, Floats<Arch> b) noexcept {
    return minimum<Arch>(a, b);
  }
};

template <typename Arch, template <typename> typename Function>
constexpr BinaryForms binary_forms() noexcept {
  return {.vector_vector = &for_each_pair<Arch, Function<Arch>, false, false>,
          .vector_scalar = &for_each_pair<Arch, Function<Arch>, false, true>,
          .scalar_vector = &for_each_pair<Arch, Function<Arch>, true, false>};
}

template <typename Arch>
constexpr ElementwiseKernels elementwise_kernels() noexcept {
  return {.abs = &for_each_element<Arch, Abs<Arch>>,
          .exp = &for_each_element<Arch, Exp<Arch>>,
          .log = &for_each_element<Arch, Log<Arch>>,
          .neg = &for_each_element<Arch, Neg<Arch>>,
          .reciprocal = &for_each_element<Arch, Reciprocal<Arch>>,
          .relu = &for_each_element<Arch, Relu<Arch>>,
          .rsqrt = &for_each_element<Arch, Rsqrt<Arch>>,
          .sigmoid = &for_each_element<Arch, Sigmoid<Arch>>,
          .sqrt = &for_each_element<Arch, Sqrt<Arch>>,
          .square = &for_each_element<Arch, Square<Arch>>,
          .tanh = &for_each_element<Arch, Tanh<Arch>>,
          .add = binary_forms<Arch, Add>(),
          .sub = binary_forms<Arch, Sub>(),
          .mul = binary_forms<Arch, Mul>(),
          .div = binary_forms<Arch, Div>(),
          .maximum = binary_forms<Arch, Maximum>(),
          .minimum = binary_forms<Arch, Minimum>()};
}

}  // namespace
}  // namespace varscope::simd
