// SPDX-License-Identifier: Apache-2.0
// Plain matrix product; shapes and formula are in varscope/simd/matmul.hpp.
#pragma once

#include <varscope/simd/matmul.hpp>
#include <varscope/simd/reference/activation.hpp>
#include <varscope/simd/reference/arithmetic.hpp>

#include <cstdint>

namespace varscope::simd::reference {

// Computes rows first_row .. last_row - 1 of C, with B as the caller has it (not packed). bias may be null.
template <typename T>
void matmul_rows(const MatMulShape& shape, const T* a, const T* b, const T* bias, Activation activation, T* c,
                 std::int64_t first_row, std::int64_t last_row) noexcept {
  using Sum = Accumulator<T>;
  const std::int64_t a_row = shape.transpose_a ? 1 : shape.depth;
  const std::int64_t a_step = shape.transpose_a ? shape.rows : 1;
  const std::int64_t b_column = shape.transpose_b ? shape.depth : 1;
  const std::int64_t b_step = shape.transpose_b ? 1 : shape.columns;
  for (std::int64_t i = first_row; i < last_row; ++i) {
    for (std::int64_t j = 0; j < shape.columns; ++j) {
      Sum sum = 0;
      for (std::int64_t k = 0; k < shape.depth; ++k) {
        sum = wrapping_add(sum, wrapping_mul(static_cast<Sum>(a[i * a_row + k * a_step]),
                                             static_cast<Sum>(b[j * b_column + k * b_step])));
      }
      if (bias != nullptr) sum = wrapping_add(sum, static_cast<Sum>(bias[j]));
      c[i * shape.columns + j] = activated(activation, rounded<T>(sum));
    }
  }
}

}  // namespace varscope::simd::reference
