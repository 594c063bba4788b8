// SPDX-License-Identifier: Apache-2.0
// Softmax of rows; the formula is in varscope/simd/softmax.hpp.
#pragma once

#include "reduce.inl.hpp"

#include <varscope/simd/softmax.hpp>

namespace varscope::simd {
namespace {

struct SoftmaxRowFacts {
  float largest;
  float sum;
};

template <typename Arch>
VARSCOPE_SIMD_INLINE SoftmaxRowFacts softmax_row(const float* src, float* dst, std::int64_t length) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const std::int64_t whole = length / lanes * lanes;
  const std::int64_t rest = length - whole;
  const float largest_float = reduce_run<Arch, Max<Arch>>(src, length);
  const Floats<Arch> largest = broadcast<Arch>(largest_float);
  for (std::int64_t j = 0; j < whole; j += lanes)
    store<Arch>(dst + j, xsimd::exp(load<Arch>(src + j) - largest));
  if (rest > 0) {
    store_partial<Arch>(dst + whole, xsimd::exp(load_partial<Arch>(src + whole, rest, 0.0f) - largest), rest);
  }
  const float sum_float = reduce_run<Arch, Sum<Arch>>(dst, length);
  const Floats<Arch> sum = broadcast<Arch>(sum_float);
  for (std::int64_t j = 0; j < whole; j += lanes)
    store<Arch>(dst + j, divide<Arch>(load<Arch>(dst + j), sum));
  if (rest > 0)
    store_partial<Arch>(dst + whole, divide<Arch>(load_partial<Arch>(dst + whole, rest, 0.0f), sum), rest);
  return {largest_float, sum_float};
}

template <typename Arch>
VARSCOPE_SIMD_FLATTEN void softmax_rows(const float* src, float* dst, std::int64_t rows,
                                        std::int64_t length) noexcept {
  for (std::int64_t i = 0; i < rows; ++i) softmax_row<Arch>(src + i * length, dst + i * length, length);
}

template <typename Arch>
VARSCOPE_SIMD_FLATTEN void softmax_rows_and_sums(const float* src, float* dst, float* largest, float* sums,
                                                 std::int64_t rows, std::int64_t length) noexcept {
  for (std::int64_t i = 0; i < rows; ++i) {
    const SoftmaxRowFacts facts = softmax_row<Arch>(src + i * length, dst + i * length, length);
    largest[i] = facts.largest;
    sums[i] = facts.sum;
  }
}

template <typename Arch>
constexpr SoftmaxKernels softmax_kernels() noexcept {
  return {.softmax_rows = &softmax_rows<Arch>, .softmax_rows_and_sums = &softmax_rows_and_sums<Arch>};
}

}  // namespace
}  // namespace varscope::simd
