// SPDX-License-Identifier: Apache-2.0
// The transforms of Winograd convolutions on registers of channels: B^T d B for inputs, A^T m A for outputs,
// and G g G^T for filters that are not known before.
// winograd_points.hpp has the formulas.
#pragma once

#include "../winograd_points.hpp"
#include "vector.inl.hpp"

namespace varscope::simd {
namespace {

template <typename Arch, int kCount>
struct Registers {
  Floats<Arch> values[kCount];
};

// The sum of coefficient k times src[kFirst + k], without those that are 0; the leading coefficient is 1.
template <typename Arch, int kAlpha, int kLeftOut, int kFirst>
VARSCOPE_SIMD_INLINE Floats<Arch> apply_polynomial(const Registers<Arch, kAlpha>& src) noexcept {
  static constexpr WinogradPolynomial<kAlpha> polynomial(kLeftOut);
  Floats<Arch> sum = src.values[kFirst + polynomial.degree];
  unroll<polynomial.degree>([&](auto i) VARSCOPE_SIMD_LAMBDA {
    constexpr int k = polynomial.degree - 1 - i;
    if constexpr (polynomial.coefficients[k] != 0.0) {
      sum = multiply_add<Arch>(src.values[kFirst + k],
                               broadcast<Arch>(static_cast<float>(polynomial.coefficients[k])), sum);
    }
  });
  return sum;
}

// B^T src of stride 1.
template <typename Arch, int kAlpha>
VARSCOPE_SIMD_INLINE Registers<Arch, kAlpha> transform_input_line(
    const Registers<Arch, kAlpha>& src) noexcept {
  using Points = WinogradPoints<kAlpha>;
  using Polynomial = WinogradPolynomial<kAlpha>;
  Registers<Arch, kAlpha> dst;
  dst.values[0] = apply_polynomial<Arch, kAlpha, Polynomial::kNone, 0>(src);
  dst.values[kAlpha - 1] = apply_polynomial<Arch, kAlpha, Polynomial::kNone, 1>(src);
  unroll<Points::pairs>([&](auto pair) VARSCOPE_SIMD_LAMBDA {
    constexpr int kPair = decltype(pair)::value;
    const Floats<Arch> by_t = apply_polynomial<Arch, kAlpha, kPair, 2>(src);
    const Floats<Arch> by_p = apply_polynomial<Arch, kAlpha, kPair, 1>(src);
    constexpr auto p = static_cast<float>(Points::values[kPair]);
    dst.values[1 + 2 * kPair] = multiply_add<Arch>(by_p, broadcast<Arch>(p), by_t);
    dst.values[2 + 2 * kPair] = multiply_add<Arch>(by_p, broadcast<Arch>(-p), by_t);
  });
  if constexpr (kHasPointAlone<kAlpha>) {
    dst.values[kAlpha - 2] = apply_polynomial<Arch, kAlpha, Polynomial::kAlone, 1>(src);
  }
  return dst;
}

// B^T src.
template <typename Arch, typename Line>
VARSCOPE_SIMD_INLINE Registers<Arch, Line::kAlpha> transform_inputs(
    const Registers<Arch, Line::kAlpha>& src) noexcept {
  Registers<Arch, Line::kAlpha> dst;
  unroll<Line::kStride>([&](auto phase) VARSCOPE_SIMD_LAMBDA {
    constexpr int kPhase = decltype(phase)::value;
    constexpr int kCount = Line::alpha_of(kPhase);
    Registers<Arch, kCount> part;
    unroll<kCount>([&](auto i)
                       VARSCOPE_SIMD_LAMBDA { part.values[i] = src.values[kPhase + i * Line::kStride]; });
    if constexpr (Line::taps_of(kPhase) > 1) part = transform_input_line<Arch, kCount>(part);
    unroll<kCount>(
        [&](auto i) VARSCOPE_SIMD_LAMBDA { dst.values[Line::first_product(kPhase) + i] = part.values[i]; });
  });
  return dst;
}

// A^T src of stride 1: the first kOutputs outputs.
template <typename Arch, int kAlpha, int kOutputs>
VARSCOPE_SIMD_INLINE Registers<Arch, kOutputs> transform_output_line(
    const Registers<Arch, kAlpha>& src) noexcept {
  using Points = WinogradPoints<kAlpha>;
  // Another one, so that there is one.
  Floats<Arch> sums[Points::pairs + 1];
  Floats<Arch> differences[Points::pairs + 1];
  unroll<Points::pairs>([&](auto pair) VARSCOPE_SIMD_LAMBDA {
    sums[pair] = src.values[1 + 2 * pair] + src.values[2 + 2 * pair];
    differences[pair] = src.values[1 + 2 * pair] - src.values[2 + 2 * pair];
  });
  Registers<Arch, kOutputs> dst;
  unroll<kOutputs>([&](auto output) VARSCOPE_SIMD_LAMBDA {
    constexpr int kOutput = decltype(output)::value;
    // The first point is 1.
    Floats<Arch> sum = Points::pairs == 0 ? src.values[1] : kOutput % 2 == 0 ? sums[0] : differences[0];
    if constexpr (kOutput == 0) sum = sum + src.values[0];
    if constexpr (kOutput == kOutputs - 1) sum = sum + src.values[kAlpha - 1];
    unroll<(Points::pairs > 1 ? Points::pairs - 1 : 0)>([&](auto i) VARSCOPE_SIMD_LAMBDA {
      constexpr int kPair = decltype(i)::value + 1;
      constexpr auto power = static_cast<float>(integer_power(Points::values[kPair], kOutput));
      sum = multiply_add<Arch>(kOutput % 2 == 0 ? sums[kPair] : differences[kPair], broadcast<Arch>(power),
                               sum);
    });
    if constexpr (kHasPointAlone<kAlpha> && Points::pairs != 0) {
      constexpr auto power = static_cast<float>(integer_power(Points::alone, kOutput));
      sum = multiply_add<Arch>(src.values[kAlpha - 2], broadcast<Arch>(power), sum);
    }
    dst.values[kOutput] = sum;
  });
  return dst;
}

// A^T src.
template <typename Arch, typename Line>
VARSCOPE_SIMD_INLINE Registers<Arch, Line::kOutputs> transform_outputs(
    const Registers<Arch, Line::kAlpha>& src) noexcept {
  constexpr int kOutputs = Line::kOutputs;
  Registers<Arch, kOutputs> dst;
  unroll<Line::kStride>([&](auto phase) VARSCOPE_SIMD_LAMBDA {
    constexpr int kPhase = decltype(phase)::value;
    constexpr int kCount = Line::alpha_of(kPhase);
    Registers<Arch, kCount> part;
    unroll<kCount>(
        [&](auto i) VARSCOPE_SIMD_LAMBDA { part.values[i] = src.values[Line::first_product(kPhase) + i]; });
    Registers<Arch, kOutputs> outputs;
    if constexpr (Line::taps_of(kPhase) > 1) {
      outputs = transform_output_line<Arch, kCount, kOutputs>(part);
    } else {
      outputs = part;
    }
    unroll<kOutputs>([&](auto i) VARSCOPE_SIMD_LAMBDA {
      dst.values[i] = kPhase == 0 ? outputs.values[i] : dst.values[i] + outputs.values[i];
    });
  });
  return dst;
}

// Both transforms read and write some dozens of streams, more than the processor follows by itself, so they
// ask for the lines of later channels: so many floats ahead.
constexpr std::int64_t kPrefetchFloats = 32;

// B^T d B for one register of channels; Down is the line of a column, Along that of a row.
// pixels[y * Along::kAlpha + x]: the channels of pixel (y, x); product (i, j) goes to
// dst + (i * Along::kAlpha + j) * product_step.
template <typename Arch, typename Down, typename Along>
VARSCOPE_SIMD_INLINE void transform_input(const float* const* pixels, std::int64_t channel, float* dst,
                                          std::int64_t product_step) noexcept {
  constexpr int kRows = Down::kAlpha;
  constexpr int kColumns = Along::kAlpha;
  Floats<Arch> columns_done[kRows][kColumns];
  for (int x = 0; x < kColumns; ++x) {
    Registers<Arch, kRows> column;
    unroll<kRows>([&](auto y) VARSCOPE_SIMD_LAMBDA {
      const float* src = pixels[y * kColumns + x] + channel;
      __builtin_prefetch(src + kPrefetchFloats);
      column.values[y] = load<Arch>(src);
    });
    column = transform_inputs<Arch, Down>(column);
    unroll<kRows>([&](auto i) VARSCOPE_SIMD_LAMBDA { columns_done[i][x] = column.values[i]; });
  }
  for (int i = 0; i < kRows; ++i) {
    Registers<Arch, kColumns> row;
    unroll<kColumns>([&](auto x) VARSCOPE_SIMD_LAMBDA { row.values[x] = columns_done[i][x]; });
    row = transform_inputs<Arch, Along>(row);
    unroll<kColumns>([&](auto j) VARSCOPE_SIMD_LAMBDA {
      float* product = dst + (i * kColumns + j) * product_step;
      __builtin_prefetch(product + kPrefetchFloats, 1);
      store<Arch>(product, row.values[j]);
    });
  }
}

// A^T m A for one register of channels: body(y, row) for each row of outputs.
template <typename Arch, typename Down, typename Along, typename Body>
VARSCOPE_SIMD_INLINE void transform_output(const float* products, std::int64_t product_step,
                                           Body&& body) noexcept {
  constexpr int kRows = Down::kOutputs;
  constexpr int kColumns = Along::kAlpha;
  Floats<Arch> columns_done[kRows][kColumns];
  for (int x = 0; x < kColumns; ++x) {
    Registers<Arch, Down::kAlpha> column;
    unroll<Down::kAlpha>([&](auto i) VARSCOPE_SIMD_LAMBDA {
      const float* src = products + (i * kColumns + x) * product_step;
      __builtin_prefetch(src + kPrefetchFloats);
      column.values[i] = load<Arch>(src);
    });
    const Registers<Arch, kRows> outputs = transform_outputs<Arch, Down>(column);
    unroll<kRows>([&](auto y) VARSCOPE_SIMD_LAMBDA { columns_done[y][x] = outputs.values[y]; });
  }
  for (int y = 0; y < kRows; ++y) {
    Registers<Arch, kColumns> row;
    unroll<kColumns>([&](auto x) VARSCOPE_SIMD_LAMBDA { row.values[x] = columns_done[y][x]; });
    body(y, transform_outputs<Arch, Along>(row));
  }
}

// The sum of G[row][tap] times src[tap] over every second tap from kFirst on.
template <typename Arch, int kAlpha, int kTaps, int kRow, int kFirst>
VARSCOPE_SIMD_INLINE Floats<Arch> every_second_tap(const Registers<Arch, kTaps>& src) noexcept {
  static constexpr WinogradFilterMatrix matrix = winograd_filter_matrix<kAlpha>(kTaps);
  Floats<Arch> sum = src.values[kFirst] * broadcast<Arch>(static_cast<float>(matrix.rows[kRow][kFirst]));
  unroll<(kTaps - kFirst - 1) / 2>([&](auto i) VARSCOPE_SIMD_LAMBDA {
    constexpr int kTap = kFirst + 2 * (decltype(i)::value + 1);
    sum = multiply_add<Arch>(src.values[kTap], broadcast<Arch>(static_cast<float>(matrix.rows[kRow][kTap])),
                             sum);
  });
  return sum;
}

// G src.
template <typename Arch, int kAlpha, int kTaps>
VARSCOPE_SIMD_INLINE Registers<Arch, kAlpha> transform_filter_line(
    const Registers<Arch, kTaps>& src) noexcept {
  static constexpr WinogradFilterMatrix matrix = winograd_filter_matrix<kAlpha>(kTaps);
  Registers<Arch, kAlpha> dst;
  dst.values[0] = src.values[0] * broadcast<Arch>(static_cast<float>(matrix.rows[0][0]));
  dst.values[kAlpha - 1] = src.values[kTaps - 1];
  unroll<WinogradPoints<kAlpha>::pairs>([&](auto pair) VARSCOPE_SIMD_LAMBDA {
    constexpr int kRow = 1 + 2 * decltype(pair)::value;
    const Floats<Arch> even = every_second_tap<Arch, kAlpha, kTaps, kRow, 0>(src);
    const Floats<Arch> odd = every_second_tap<Arch, kAlpha, kTaps, kRow, 1>(src);
    dst.values[kRow] = even + odd;
    dst.values[kRow + 1] = even - odd;
  });
  return dst;
}

// G g G^T for one register of channels: load_tap(y * kTaps + x) gives tap (y, x); product (i, j) goes to
// dst + (i * kAlpha + j) * product_step.
template <typename Arch, int kAlpha, int kTaps, typename LoadTap>
VARSCOPE_SIMD_INLINE void transform_filter(LoadTap&& load_tap, float* dst,
                                           std::int64_t product_step) noexcept {
  Floats<Arch> columns_done[kAlpha][kTaps];
  for (int x = 0; x < kTaps; ++x) {
    Registers<Arch, kTaps> column;
    unroll<kTaps>([&](auto y) VARSCOPE_SIMD_LAMBDA { column.values[y] = load_tap(y * kTaps + x); });
    const Registers<Arch, kAlpha> products = transform_filter_line<Arch, kAlpha, kTaps>(column);
    unroll<kAlpha>([&](auto i) VARSCOPE_SIMD_LAMBDA { columns_done[i][x] = products.values[i]; });
  }
  for (int i = 0; i < kAlpha; ++i) {
    Registers<Arch, kTaps> row;
    unroll<kTaps>([&](auto x) VARSCOPE_SIMD_LAMBDA { row.values[x] = columns_done[i][x]; });
    const Registers<Arch, kAlpha> products = transform_filter_line<Arch, kAlpha, kTaps>(row);
    unroll<kAlpha>([&](auto j) VARSCOPE_SIMD_LAMBDA {
      float* product = dst + (i * kAlpha + j) * product_step;
      __builtin_prefetch(product + kPrefetchFloats, 1);
      store<Arch>(product, products.values[j]);
    });
  }
}

}  // namespace
}  // namespace varscope::simd
