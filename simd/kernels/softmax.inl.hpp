// SPDX-License-Identifier: Apache-2.0
// Softmax of rows; the formula is in varscope/simd/softmax.hpp.
#pragma once

#include "reduce.inl.hpp"

#include <varscope/simd/softmax.hpp>

namespace varscope::simd {
namespace {

template <typename Arch>
VARSCOPE_SIMD_FLATTEN void softmax_rows(const float* src, float* dst, std::int64_t rows,
                                        std::int64_t length) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const std::int64_t whole = length / lanes * lanes;
  const std::int64_t rest = length - whole;
  for (std::int64_t i = 0; i < rows; ++i, src += length, dst += length) {
    const Floats<Arch> largest = broadcast<Arch>(reduce_run<Arch, Max<Arch>>(src, length));
    for (std::int64_t j = 0; j < whole; j += lanes)
      store<Arch>(dst + j, xsimd::exp(load<Arch>(src + j) - largest));
    if (rest > 0) {
      store_partial<Arch>(dst + whole, xsimd::exp(load_partial<Arch>(src + whole, rest, 0.0f) - largest),
                          rest);
    }
    const Floats<Arch> sum = broadcast<Arch>(reduce_run<Arch, Sum<Arch>>(dst, length));
    for (std::int64_t j = 0; j < whole; j += lanes)
      store<Arch>(dst + j, divide<Arch>(load<Arch>(dst + j), sum));
    if (rest > 0)
      store_partial<Arch>(dst + whole, divide<Arch>(load_partial<Arch>(dst + whole, rest, 0.0f), sum), rest);
  }
}

template <typename Arch>
constexpr SoftmaxKernels softmax_kernels() noexcept {
  return {.softmax_rows = &softmax_rows<Arch>};
}

}  // namespace
}  // namespace varscope::simd
