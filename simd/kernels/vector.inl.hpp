// SPDX-License-Identifier: Apache-2.0
// The small vocabulary the kernels are written in: a register of floats of an xsimd architecture, loads and
// stores of whole and partial registers, and loops unrolled at compile time.
//
// Everything under kernels/ is compiled once per instruction set into one binary, so nothing here may have
// external linkage: it is all in an anonymous namespace, and standard headers with inline functions stay out.
#pragma once

#include <xsimd/xsimd.hpp>

#include <cstdint>
#include <utility>

#define VARSCOPE_SIMD_INLINE inline __attribute__((always_inline))
// On functions that call xsimd's mathematics: inlines those too, which would else be symbols of their own.
#define VARSCOPE_SIMD_FLATTEN __attribute__((flatten))

namespace varscope::simd {
namespace {

template <typename Arch>
using Floats = xsimd::batch<float, Arch>;

template <typename Arch>
constexpr std::int64_t kLanes = static_cast<std::int64_t>(Floats<Arch>::size);

// Of a line of a cache, and how many lines so many floats are.
constexpr std::int64_t kLineFloats = 16;
template <std::int64_t kFloats>
constexpr int kLinesOf = static_cast<int>((kFloats + kLineFloats - 1) / kLineFloats);

// A constant as an argument: unroll() passes these, so that an index is a compile-time value in a generic
// lambda.
template <int kValue>
struct Index {
  static constexpr int value = kValue;
  constexpr operator int() const noexcept { return kValue; }
};

template <typename Body, int... kIndices>
VARSCOPE_SIMD_INLINE void unroll_indices(Body&& body, std::integer_sequence<int, kIndices...>) noexcept {
  (body(Index<kIndices>{}), ...);
}

// body(Index<0>{}), ..., body(Index<kCount - 1>{}). The body must be a lambda marked VARSCOPE_SIMD_LAMBDA.
template <int kCount, typename Body>
VARSCOPE_SIMD_INLINE void unroll(Body&& body) noexcept {
  unroll_indices(body, std::make_integer_sequence<int, kCount>{});
}

#define VARSCOPE_SIMD_LAMBDA __attribute__((always_inline))

template <typename T>
VARSCOPE_SIMD_INLINE T smaller(T a, T b) noexcept {
  return b < a ? b : a;
}

template <typename T>
VARSCOPE_SIMD_INLINE T larger(T a, T b) noexcept {
  return a < b ? b : a;
}

template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> broadcast(float value) noexcept {
  return Floats<Arch>(value);
}

template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> load(const float* src) noexcept {
  return Floats<Arch>::load_unaligned(src);
}

template <typename Arch>
VARSCOPE_SIMD_INLINE void store(float* dst, Floats<Arch> value) noexcept {
  value.store_unaligned(dst);
}

// The first `count` (0 .. lanes) floats of src, then `padding`.
template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> load_partial(const float* src, std::int64_t count, float padding) noexcept {
  float buffer[kLanes<Arch>];
  for (std::int64_t i = 0; i < kLanes<Arch>; ++i) buffer[i] = i < count ? src[i] : padding;
  return load<Arch>(buffer);
}

// Which floats of a register are there: for loads and stores that leave the others, and their memory, alone.
template <typename Arch>
class FirstLanes {
 public:
  // count: 0 .. lanes.
  VARSCOPE_SIMD_INLINE explicit FirstLanes(std::int64_t count) noexcept {
#if defined(__AVX512F__)
    mask_ = static_cast<__mmask16>((1u << count) - 1);
#elif defined(__AVX2__)
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    mask_ = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
#else
    mask_ = count;
#endif
  }

  // Zeros for the others.
  VARSCOPE_SIMD_INLINE Floats<Arch> load(const float* src) const noexcept {
#if defined(__AVX512F__)
    return Floats<Arch>(_mm512_maskz_loadu_ps(mask_, src));
#elif defined(__AVX2__)
    return Floats<Arch>(_mm256_maskload_ps(src, mask_));
#else
    return load_partial<Arch>(src, mask_, 0.0f);
#endif
  }

  VARSCOPE_SIMD_INLINE void store(float* dst, Floats<Arch> value) const noexcept {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(dst, mask_, value);
#elif defined(__AVX2__)
    _mm256_maskstore_ps(dst, mask_, value);
#else
    float buffer[kLanes<Arch>];
    simd::store<Arch>(buffer, value);
    for (std::int64_t i = 0; i < mask_; ++i) dst[i] = buffer[i];
#endif
  }

 private:
#if defined(__AVX512F__)
  __mmask16 mask_;
#elif defined(__AVX2__)
  __m256i mask_;
#else
  std::int64_t mask_;
#endif
};

// Stores the first `count` (0 .. lanes) floats of value.
template <typename Arch>
VARSCOPE_SIMD_INLINE void store_partial(float* dst, Floats<Arch> value, std::int64_t count) noexcept {
  FirstLanes<Arch>(count).store(dst, value);
}

// Whether load_lane() is told its lane as a constant, Index<lane>.
template <typename Arch, int kGroup>
constexpr bool kLaneIsConstant = kGroup == 1 || (kGroup == 4 && kLanes<Arch> > 4);

// A register from src on of which, of each group of lanes, one is there for all of the group: lane i is
// src[i / kGroup * kGroup + lane].
template <typename Arch, int kGroup, typename Lane>
VARSCOPE_SIMD_INLINE Floats<Arch> load_lane(const float* src, [[maybe_unused]] Lane lane) noexcept {
  static_assert(kGroup == 1 || kGroup == 4 || kGroup == 8 || kGroup == 16);
  if constexpr (kGroup == 1) {
    return load<Arch>(src);
  } else if constexpr (kGroup == kLanes<Arch>) {
    return broadcast<Arch>(src[lane]);
  } else {
    static_assert(kGroup < kLanes<Arch>);
#if defined(__AVX512F__)
    if constexpr (kGroup == 4) {
      return Floats<Arch>(_mm512_permute_ps(load<Arch>(src), Lane::value * 0b01'01'01'01));
    } else {
      const __m512i first_of_group = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8);
      const __m512i lanes = _mm512_add_epi32(first_of_group, _mm512_set1_epi32(lane));
      return Floats<Arch>(_mm512_permutexvar_ps(lanes, load<Arch>(src)));
    }
#elif defined(__AVX2__)
    return Floats<Arch>(_mm256_permute_ps(load<Arch>(src), Lane::value * 0b01'01'01'01));
#endif
  }
}

// a * b + c, rounded once where the instruction set has it (SSE4.2 rounds twice). xsimd 8 has no fused form
// for AVX-512.
template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> multiply_add(Floats<Arch> a, Floats<Arch> b, Floats<Arch> c) noexcept {
#if defined(__AVX512F__)
  return Floats<Arch>(_mm512_fmadd_ps(a, b, c));
#else
  return xsimd::fma(a, b, c);
#endif
}

// sum = multiply_add(a, b, sum), in the register that holds the sum. A compiler may choose the form that
// overwrites a factor instead, and then has to move all sums of an unrolled loop around, with 16 registers by
// way of memory (gcc 12: loops of 20 % more time, at its whim).
template <typename Arch>
VARSCOPE_SIMD_INLINE void accumulate(Floats<Arch> a, Floats<Arch> b, Floats<Arch>* sum) noexcept {
#if defined(__FMA__)
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum->data) : "v"(a.data), "v"(b.data));
#else
  *sum = multiply_add<Arch>(a, b, *sum);
#endif
}

// Correctly rounded; xsimd's NEON forms approximate both.
template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> divide(Floats<Arch> a, Floats<Arch> b) noexcept {
#if defined(__aarch64__)
  return Floats<Arch>(vdivq_f32(a, b));
#else
  return a / b;
#endif
}

template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> square_root(Floats<Arch> x) noexcept {
#if defined(__aarch64__)
  return Floats<Arch>(vsqrtq_f32(x));
#else
  return xsimd::sqrt(x);
#endif
}

// x < 0 ? 0 : x. The order counts: x86's maximum is its second operand where one is NaN or both are zeros.
template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> relu(Floats<Arch> x) noexcept {
  return xsimd::max(broadcast<Arch>(0.0f), x);
}

// What xsimd::max(floor, x) is relu(x) with, or, with minus infinity, x itself: a NaN and the sign of a zero
// stay.
template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> activation_floor(bool relu_follows) noexcept {
  return broadcast<Arch>(relu_follows ? 0.0f : -__builtin_inff());
}

// The larger, the smaller of each pair; NaN when either is NaN. (x != x would do for "is NaN", but xsimd 8
// compares NaN unequal to itself on some sets only.)
template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> maximum(Floats<Arch> a, Floats<Arch> b) noexcept {
  return xsimd::select(a >= b, a, xsimd::select(a == a, b, a));
}

template <typename Arch>
VARSCOPE_SIMD_INLINE Floats<Arch> minimum(Floats<Arch> a, Floats<Arch> b) noexcept {
  return xsimd::select(a <= b, a, xsimd::select(a == a, b, a));
}

}  // namespace
}  // namespace varscope::simd
