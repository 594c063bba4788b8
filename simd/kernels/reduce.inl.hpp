// SPDX-License-Identifier: Apache-2.0
// Reductions along one axis; the rules are in varscope/simd/reduce.hpp.
//
// Sums are pairwise (N. J. Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14,
// 1993): a long run is the sum of its two halves, a short one is added up in order.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/reduce.hpp>

namespace varscope::simd {
namespace {

constexpr std::int64_t kShortSum = 32;  // additions in order, in each lane

template <typename Arch>
struct Sum {
  static constexpr float kEmpty = 0.0f;
  static VARSCOPE_SIMD_INLINE Floats<Arch> combine(Floats<Arch> a, Floats<Arch> b) noexcept { return a + b; }
  static VARSCOPE_SIMD_INLINE float combine_two(float a, float b) noexcept { return a + b; }
};

template <typename Arch>
struct Max {
  static constexpr float kEmpty = -__builtin_inff();
  static VARSCOPE_SIMD_INLINE Floats<Arch> combine(Floats<Arch> a, Floats<Arch> b) noexcept {
    return maximum<Arch>(a, b);
  }
  static VARSCOPE_SIMD_INLINE float combine_two(float a, float b) noexcept {
    return (a >= b || a != a) ? a : b;
  }
};

// Combines `count` registers (at least one), `step` floats apart.
template <typename Arch, typename Reduction>
Floats<Arch> combine_registers(const float* src, std::int64_t count, std::int64_t step) noexcept {
  if (count > kShortSum) {
    const std::int64_t half = count / 2;
    const Floats<Arch> front = combine_registers<Arch, Reduction>(src, half, step);
    return Reduction::combine(front,
                              combine_registers<Arch, Reduction>(src + half * step, count - half, step));
  }
  Floats<Arch> result = load<Arch>(src);
  for (std::int64_t i = 1; i < count; ++i) result = Reduction::combine(result, load<Arch>(src + i * step));
  return result;
}

// Combines the lanes of a register, in pairs.
template <typename Arch, typename Reduction>
VARSCOPE_SIMD_INLINE float combine_lanes(Floats<Arch> value) noexcept {
  float lanes[kLanes<Arch>];
  store<Arch>(lanes, value);
  for (std::int64_t half = kLanes<Arch> / 2; half > 0; half /= 2) {
    for (std::int64_t i = 0; i < half; ++i) lanes[i] = Reduction::combine_two(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

template <typename Arch, typename Reduction>
VARSCOPE_SIMD_INLINE float reduce_run(const float* src, std::int64_t length) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const std::int64_t whole = length / lanes;
  const std::int64_t rest = length % lanes;
  Floats<Arch> result = broadcast<Arch>(Reduction::kEmpty);
  if (whole > 0) result = combine_registers<Arch, Reduction>(src, whole, lanes);
  if (rest > 0) {
    result = Reduction::combine(result, load_partial<Arch>(src + whole * lanes, rest, Reduction::kEmpty));
  }
  return combine_lanes<Arch, Reduction>(result);
}

template <typename Arch>
void sum_rows(const float* src, float* dst, std::int64_t rows, std::int64_t length) noexcept {
  for (std::int64_t i = 0; i < rows; ++i) dst[i] = reduce_run<Arch, Sum<Arch>>(src + i * length, length);
}

template <typename Arch>
void mean_rows(const float* src, float* dst, std::int64_t rows, std::int64_t length) noexcept {
  sum_rows<Arch>(src, dst, rows, length);
  for (std::int64_t i = 0; i < rows; ++i) dst[i] /= static_cast<float>(length);
}

template <typename Arch>
void max_rows(const float* src, float* dst, std::int64_t rows, std::int64_t length) noexcept {
  for (std::int64_t i = 0; i < rows; ++i) dst[i] = reduce_run<Arch, Max<Arch>>(src + i * length, length);
}

// The same pairwise order as combine_registers, for one column of floats.
template <typename Arch, typename Reduction>
float combine_column(const float* src, std::int64_t count, std::int64_t step) noexcept {
  if (count > kShortSum) {
    const std::int64_t half = count / 2;
    const float front = combine_column<Arch, Reduction>(src, half, step);
    return Reduction::combine_two(front,
                                  combine_column<Arch, Reduction>(src + half * step, count - half, step));
  }
  float result = src[0];
  for (std::int64_t i = 1; i < count; ++i) result = Reduction::combine_two(result, src[i * step]);
  return result;
}

template <typename Arch, typename Reduction>
void reduce_axis(const float* src, float* dst, std::int64_t outer, std::int64_t length,
                 std::int64_t inner) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  for (std::int64_t i = 0; i < outer; ++i, src += length * inner, dst += inner) {
    std::int64_t j = 0;
    if (length == 0) {
      for (; j < inner; ++j) dst[j] = Reduction::kEmpty;
    }
    for (; j + lanes <= inner; j += lanes) {
      store<Arch>(dst + j, combine_registers<Arch, Reduction>(src + j, length, inner));
    }
    for (; j < inner; ++j) dst[j] = combine_column<Arch, Reduction>(src + j, length, inner);
  }
}

template <typename Arch>
void mean_axis(const float* src, float* dst, std::int64_t outer, std::int64_t length,
               std::int64_t inner) noexcept {
  reduce_axis<Arch, Sum<Arch>>(src, dst, outer, length, inner);
  for (std::int64_t i = 0; i < outer * inner; ++i) dst[i] /= static_cast<float>(length);
}

template <typename Arch>
void argmax_rows(const float* src, std::int64_t* dst, std::int64_t rows, std::int64_t length) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  for (std::int64_t i = 0; i < rows; ++i, src += length) {
    // A NaN is not equal to itself: then the first element that is not is looked for.
    const float best = reduce_run<Arch, Max<Arch>>(src, length);
    const bool ordered = best == best;
    std::int64_t j = 0;
    for (; j + lanes <= length; j += lanes) {
      const Floats<Arch> x = load<Arch>(src + j);
      if (ordered ? xsimd::any(x == broadcast<Arch>(best)) : !xsimd::all(x == x)) break;
    }
    while (ordered ? src[j] != best : src[j] == src[j]) ++j;
    dst[i] = j;
  }
}

template <typename Arch>
constexpr ReduceKernels reduce_kernels() noexcept {
  return {.sum_rows = &sum_rows<Arch>,
          .mean_rows = &mean_rows<Arch>,
          .max_rows = &max_rows<Arch>,
          .sum_axis = &reduce_axis<Arch, Sum<Arch>>,
          .mean_axis = &mean_axis<Arch>,
          .max_axis = &reduce_axis<Arch, Max<Arch>>,
          .argmax_rows = &argmax_rows<Arch>};
}

}  // namespace
}  // namespace varscope::simd
