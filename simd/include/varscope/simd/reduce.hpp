// SPDX-License-Identifier: Apache-2.0
// Sums, means and maxima of float32 arrays along one axis.
//
// The order of additions follows from `length` alone, so rows may be given to any threads in any cut, and the
// error of a sum grows with the logarithm of the length, not with the length. Sources and results do not
// overlap. An empty row (length 0) has sum 0, mean NaN, maximum minus infinity. A NaN in a row is its sum,
// mean and maximum.
#pragma once

#include <cstdint>

namespace varscope::simd {

// src [rows, length] -> dst [rows]
using ReduceRowsFunction = void (*)(const float* src, float* dst, std::int64_t rows,
                                    std::int64_t length) noexcept;

// src [outer, length, inner] -> dst [outer, inner]
using ReduceAxisFunction = void (*)(const float* src, float* dst, std::int64_t outer, std::int64_t length,
                                    std::int64_t inner) noexcept;

// src [rows, length] -> dst [rows], the index of the largest element of each row; of equal ones the first; of
// a row with NaN the first NaN. Requires: length positive.
using ArgmaxRowsFunction = void (*)(const float* src, std::int64_t* dst, std::int64_t rows,
                                    std::int64_t length) noexcept;

struct ReduceKernels {
  ReduceRowsFunction sum_rows = nullptr;
  ReduceRowsFunction mean_rows = nullptr;
  ReduceRowsFunction max_rows = nullptr;
  ReduceAxisFunction sum_axis = nullptr;
  ReduceAxisFunction mean_axis = nullptr;
  ReduceAxisFunction max_axis = nullptr;
  ArgmaxRowsFunction argmax_rows = nullptr;
};

}  // namespace varscope::simd
