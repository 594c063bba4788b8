// SPDX-License-Identifier: Apache-2.0
// Plain transpose; the contract is in varscope/simd/transpose.hpp.
#pragma once

#include <cstdint>

namespace varscope::simd::reference {

template <typename T>
void transpose_2d(const T* src, std::int64_t src_stride, T* dst, std::int64_t dst_stride, std::int64_t rows,
                  std::int64_t columns) noexcept {
  for (std::int64_t j = 0; j < columns; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) dst[j * dst_stride + i] = src[i * src_stride + j];
  }
}

}  // namespace varscope::simd::reference
