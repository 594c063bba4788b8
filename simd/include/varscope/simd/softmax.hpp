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

struct SoftmaxKernels {
  SoftmaxRowsFunction softmax_rows = nullptr;
};

}  // namespace varscope::simd
