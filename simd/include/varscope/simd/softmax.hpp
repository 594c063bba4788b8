// SPDX-License-Identifier: Apache-2.0
// Softmax of the rows of a float32 matrix.
#pragma once

#include <cstdint>

namespace varscope::simd {

// dst(i, j) = exp(src(i, j) - m(i)) / sum over k of exp(src(i, k) - m(i)), with m(i) the maximum of row i;
// src and dst are [rows, length], dst may be src. Rows are independent: any cut, any threads, the same bits.
// A row with NaN or plus infinity becomes NaN.
using SoftmaxRowsFunction = void (*)(const float* src, float* dst, std::int64_t rows,
                                     std::int64_t length) noexcept;

// The same, and of each row the maximum m(i) and the sum of exp(src(i, k) - m(i)): what log(softmax) is made
// of without loss, src(i, j) - m(i) - log(sum).
using SoftmaxRowsAndSumsFunction = void (*)(const float* src, float* dst, float* largest, float* sums,
                                            std::int64_t rows, std::int64_t length) noexcept;

struct SoftmaxKernels {
  SoftmaxRowsFunction softmax_rows = nullptr;
  SoftmaxRowsAndSumsFunction softmax_rows_and_sums = nullptr;
};

}  // namespace varscope::simd
