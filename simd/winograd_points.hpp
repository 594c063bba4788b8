// SPDX-License-Identifier: Apache-2.0
// The numbers behind Winograd convolutions: F(m, r) computes m outputs of a filter of r taps from
// m + r - 1 = kAlpha inputs with kAlpha products,
//
//   output = A^T [ (G filter) * (B^T input) ],
//
// after A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016), section 4; the
// matrices come from polynomial interpolation (Toom-Cook) at the points 0, +p, -p for each p below, and
// infinity:
//
//   A^T[i][point x] = x^i                 and for infinity 1 in the last row
//   B^T[point x]    = coefficients of the product of (t - other point) over the other finite points; for
//                     infinity over all of them
//   G[point x][j]   = x^j / (that product at t = x); for infinity 1 at the last tap
//
// Points come in pairs, so B^T and A^T split into even and odd halves that +p and -p share. With u = t * t:
// the product is P(u) for 0, t P(u) for infinity, t (t + x) P(u) / (u - p * p) for x = +p and -p.
#pragma once

namespace varscope::simd {

template <int kAlpha>
struct WinogradPoints;

template <>
struct WinogradPoints<4> {
  static constexpr int pairs = 1;
  static constexpr double values[] = {1.0};
};

template <>
struct WinogradPoints<6> {
  static constexpr int pairs = 2;
  static constexpr double values[] = {1.0, 2.0};
};

template <>
struct WinogradPoints<8> {
  static constexpr int pairs = 3;
  static constexpr double values[] = {1.0, 2.0, 0.5};
};

// The coefficients of the product of (u - p * p) over all pairs but `left_out` (-1 for none), lowest first.
template <int kAlpha>
struct WinogradPolynomial {
  double coefficients[WinogradPoints<kAlpha>::pairs + 1] = {1.0};
  int degree = 0;

  constexpr explicit WinogradPolynomial(int left_out) noexcept {
    for (int pair = 0; pair < WinogradPoints<kAlpha>::pairs; ++pair) {
      if (pair == left_out) continue;
      const double square = WinogradPoints<kAlpha>::values[pair] * WinogradPoints<kAlpha>::values[pair];
      ++degree;
      for (int i = degree; i > 0; --i) coefficients[i] = coefficients[i - 1] - square * coefficients[i];
      coefficients[0] *= -square;
    }
  }

  constexpr double at(double u) const noexcept {
    double value = 0.0;
    for (int i = degree; i >= 0; --i) value = value * u + coefficients[i];
    return value;
  }
};

constexpr double integer_power(double base, int exponent) noexcept {
  double value = 1.0;
  for (int i = 0; i < exponent; ++i) value *= base;
  return value;
}

// G, for filters of `taps` taps: `products` (kAlpha) rows, ordered 0, +p, -p, ..., infinity.
struct WinogradFilterMatrix {
  static constexpr int largest = 8;
  int products = 0;
  int taps = 0;
  double rows[largest][largest] = {};
};

template <int kAlpha>
constexpr WinogradFilterMatrix winograd_filter_matrix(int taps) noexcept {
  WinogradFilterMatrix matrix;
  matrix.products = kAlpha;
  matrix.taps = taps;
  matrix.rows[0][0] = 1.0 / WinogradPolynomial<kAlpha>(-1).at(0.0);
  for (int pair = 0; pair < WinogradPoints<kAlpha>::pairs; ++pair) {
    const double p = WinogradPoints<kAlpha>::values[pair];
    const double divisor = 2.0 * p * p * WinogradPolynomial<kAlpha>(pair).at(p * p);
    for (int tap = 0; tap < taps; ++tap) {
      matrix.rows[1 + 2 * pair][tap] = integer_power(p, tap) / divisor;
      matrix.rows[2 + 2 * pair][tap] = integer_power(-p, tap) / divisor;
    }
  }
  matrix.rows[kAlpha - 1][taps - 1] = 1.0;
  return matrix;
}

}  // namespace varscope::simd
