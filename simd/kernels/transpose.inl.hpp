// SPDX-License-Identifier: Apache-2.0
// Blocked transpose: a block of source and its image in the destination fit the first-level cache together,
// so that every cache line is read and written once. The compiler makes of the inner loops what the
// instruction set offers.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/transpose.hpp>

namespace varscope::simd {
namespace {

constexpr std::int64_t kTransposeBlock = 32;

template <typename Arch>
void transpose_2d(const float* src, std::int64_t src_stride, float* dst, std::int64_t dst_stride,
                  std::int64_t rows, std::int64_t columns) noexcept {
  for (std::int64_t first_row = 0; first_row < rows; first_row += kTransposeBlock) {
    const std::int64_t last_row = smaller(first_row + kTransposeBlock, rows);
    for (std::int64_t first_column = 0; first_column < columns; first_column += kTransposeBlock) {
      const std::int64_t last_column = smaller(first_column + kTransposeBlock, columns);
      for (std::int64_t j = first_column; j < last_column; ++j) {
        for (std::int64_t i = first_row; i < last_row; ++i) dst[j * dst_stride + i] = src[i * src_stride + j];
      }
    }
  }
}

template <typename Arch>
constexpr TransposeKernels transpose_kernels() noexcept {
  return {.transpose_2d = &transpose_2d<Arch>};
}

}  // namespace
}  // namespace varscope::simd
