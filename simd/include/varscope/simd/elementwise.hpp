// SPDX-License-Identifier: Apache-2.0
// Functions of each element of contiguous float32 arrays.
//
// Every function takes `count` elements (zero is fine), needs no alignment, and may work in place: dst may be
// equal to a source, but must not overlap one otherwise. An element's result depends on its value alone,
// never on its position, so an array may be cut anywhere and given to any threads. Caller and callee share
// nothing else: thread-safe.
//
// Accuracy: neg, abs, relu, square, add, sub, mul, div, maximum, minimum, sqrt and reciprocal are correctly
// rounded, rsqrt is 1 / sqrt(x) rounded twice. exp, log, tanh and sigmoid keep the bounds named beside them,
// in units in the last place of the exact result; results below the smallest normal number may be rounded to
// zero. NaN in gives NaN out, for maximum, minimum and relu too.
#pragma once

#include <cstdint>

namespace varscope::simd {

using UnaryFunction = void (*)(const float* src, float* dst, std::int64_t count) noexcept;

// dst[i] = f(a[i], b[i]); a vector form reads `count` elements of an operand, a scalar form reads one and
// repeats it.
using BinaryFunction = void (*)(const float* a, const float* b, float* dst, std::int64_t count) noexcept;

struct BinaryForms {
  BinaryFunction vector_vector = nullptr;
  BinaryFunction vector_scalar = nullptr;  // b is one element
  BinaryFunction scalar_vector = nullptr;  // a is one element
};

struct ElementwiseKernels {
  UnaryFunction abs = nullptr;
  UnaryFunction exp = nullptr;  // 2 ulp
  UnaryFunction log = nullptr;  // 2 ulp; log(0) is -infinity, of a negative number NaN
  UnaryFunction neg = nullptr;
  UnaryFunction reciprocal = nullptr;
  UnaryFunction relu = nullptr;  // x < 0 ? 0 : x
  UnaryFunction rsqrt = nullptr;
  UnaryFunction sigmoid = nullptr;  // 1 / (1 + exp(-x)), 4 ulp
  UnaryFunction sqrt = nullptr;
  UnaryFunction square = nullptr;
  UnaryFunction tanh = nullptr;  // 4 ulp
  BinaryForms add;
  BinaryForms sub;
  BinaryForms mul;
  BinaryForms div;
  BinaryForms maximum;
  BinaryForms minimum;
};

}  // namespace varscope::simd
