// SPDX-License-Identifier: Apache-2.0
// Logarithm, sine and cosine that give the same bits everywhere. The C library's do not: they differ between
// libraries, and one library picks code by processor. These use IEEE 754 double additions, multiplications
// and divisions only; include this where -ffp-contract=off is given, so that none of them are fused.
#pragma once

#include <bit>
#include <cfloat>
#include <cstdint>

namespace varscope::detail {

static_assert(FLT_EVAL_METHOD == 0, "double arithmetic must round to double");

/// ln(x), within 4.5e-16 times |ln(x)| (two units in the last place). Requires: x is normal and positive.
inline double natural_logarithm(double x) noexcept {
  // x = 2^exponent * m with m in [sqrt(1/2), sqrt(2)).
  constexpr std::uint64_t mantissa_mask = (std::uint64_t{1} << 52U) - 1;
  constexpr std::uint64_t root_of_half = 0x3FE6A09E667F3BCDU;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t shifted = bits - root_of_half;
  const auto exponent = static_cast<double>(static_cast<std::int64_t>(shifted) >> 52U);
  const double m = std::bit_cast<double>((shifted & mantissa_mask) + root_of_half);
  // ln(m) = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1), |s| < 0.172.
  const double s = (m - 1) / (m + 1);
  const double square = s * s;
  double sum = 1.0 / 23;
  for (int denominator = 21; denominator >= 3; denominator -= 2) sum = sum * square + 1.0 / denominator;
  // ln(2) in two parts: the first has enough trailing zeros that its product with the exponent is exact.
  constexpr double ln2_high = 0x1.62E42FEFA3800p-1;
  constexpr double ln2_low = 0x1.EF35793C76730p-45;
  return exponent * ln2_high + (2 * s + (2 * s * square * sum + exponent * ln2_low));
}

struct SineCosine {
  double sine;
  double cosine;
};

/// Sine and cosine of `turns` whole turns (2 pi * turns), each within 3e-16. Requires: 0 <= turns < 1.
inline SineCosine sine_and_cosine_of_turns(double turns) noexcept {
  // The nearest quarter turn is taken off exactly; what is left is an angle in [-pi/4, pi/4].
  const int quarter = static_cast<int>(turns * 4 + 0.5);
  const double angle = (turns - quarter * 0.25) * 6.283185307179586476925;
  const double square = angle * angle;
  // Taylor: the first term left out is below 1e-19.
  double sine = 1, cosine = 1;
  for (int n = 17; n >= 3; n -= 2) sine = 1 - sine * (square * (1.0 / ((n - 1) * n)));
  for (int n = 18; n >= 2; n -= 2) cosine = 1 - cosine * (square * (1.0 / ((n - 1) * n)));
  sine *= angle;
  switch (quarter & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace varscope::detail
