// SPDX-License-Identifier: Apache-2.0
// Transpose of a matrix of 32-bit elements.
#pragma once

#include <cstdint>

namespace varscope::simd {

// dst(j, i) = src(i, j) for i < rows, j < columns. Strides are elements from one row to the next: src_stride
// >= columns, dst_stride >= rows. src and dst do not overlap. A large matrix is cut by the caller: any
// rectangle, any thread. Bits are moved, not numbers, so this also serves int32.
using Transpose2DFunction = void (*)(const float* src, std::int64_t src_stride, float* dst,
                                     std::int64_t dst_stride, std::int64_t rows,
                                     std::int64_t columns) noexcept;

struct TransposeKernels {
  Transpose2DFunction transpose_2d = nullptr;
};

}  // namespace varscope::simd
