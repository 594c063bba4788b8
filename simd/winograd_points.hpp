// SPDX-License-Identifier: Apache-2.0
// The numbers behind Winograd convolutions: F(m, r) computes m outputs of a filter of r taps from
// m + r - 1 = kAlpha inputs with kAlpha products,
//
//   output = A^T [ (G filter) * (B^T input) ],
//
// after A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016), section 4; the
// matrices come from polynomial interpolation (Toom-Cook) at the points 0, +p, -p for each p below, for an
// odd kAlpha another one alone, and infinity:
//
//   A^T[i][point x] = x^i                 and for infinity 1 in the last row
//   B^T[point x]    = coefficients of the product of (t - other point) over the other finite points; for
//                     infinity over all of them
//   G[point x][j]   = x^j / (that product at t = x); for infinity 1 at the last tap
//
// With P(t) the product over all finite points but 0, the product is P(t) for 0, t P(t) for infinity and
// t P(t) / (t - x) for x. The points of a pair share Q(t) = t P(t) / (t^2 - p^2): theirs are Q(t) (t + p) for
// +p and Q(t) (t - p) for -p. Without a point alone Q is odd and P even, so half of their coefficients are 0.
//
// A filter of one tap needs no points: F(m, 1) is m products of the inputs as they are.
#pragma once

namespace varscope::simd {

template <int kAlpha>
struct WinogradPoints;

template <>
struct WinogradPoints<3> {
  static constexpr int pairs = 0;
  static constexpr double values[] = {0.0};  // none: an array has at least one
  static constexpr double alone = 1.0;
};

template <>
struct WinogradPoints<4> {
  static constexpr int pairs = 1;
  static constexpr double values[] = {1.0};
  static constexpr double alone = 0.0;  // none
};

template <>
struct WinogradPoints<5> {
  static constexpr int pairs = 1;
  static constexpr double values[] = {1.0};
  static constexpr double alone = 2.0;
};

template <>
struct WinogradPoints<6> {
  static constexpr int pairs = 2;
  static constexpr double values[] = {1.0, 2.0};
  static constexpr double alone = 0.0;
};

template <>
struct WinogradPoints<7> {
  static constexpr int pairs = 2;
  static constexpr double values[] = {1.0, 2.0};
  static constexpr double alone = 0.5;
};

template <>
struct WinogradPoints<8> {
  static constexpr int pairs = 3;
  static constexpr double values[] = {1.0, 2.0, 0.5};
  static constexpr double alone = 0.0;
};

// For one direction only, as the errors of two multiply. The last pair is what makes them smallest, of those
// tried (0.25, 0.625, 0.75, 1.25, 1.375, 1.5, 3, 4).
template <>
struct WinogradPoints<10> {
  static constexpr int pairs = 4;
  static constexpr double values[] = {1.0, 2.0, 0.5, 1.25};
  static constexpr double alone = 0.0;
};

template <int kAlpha>
constexpr bool kHasPointAlone = WinogradPoints<kAlpha>::alone != 0.0;

// P(t) above, or P(t) / (t^2 - p^2) when the pair of p is left out; its coefficients, lowest first.
template <int kAlpha>
struct WinogradPolynomial {
  static constexpr int kNone = -1;                              // to leave out
  static constexpr int kAlone = WinogradPoints<kAlpha>::pairs;  // the point alone
  double coefficients[kAlpha - 1] = {1.0};
  int degree = 0;

  constexpr explicit WinogradPolynomial(int left_out) noexcept {
    for (int pair = 0; pair < WinogradPoints<kAlpha>::pairs; ++pair) {
      if (pair == left_out) continue;
      const double p = WinogradPoints<kAlpha>::values[pair];
      degree += 2;
      for (int i = degree; i >= 0; --i) {
        coefficients[i] = (i < 2 ? 0.0 : coefficients[i - 2]) - p * p * coefficients[i];
      }
    }
    if (!kHasPointAlone<kAlpha> || left_out == kAlone) return;
    ++degree;
    for (int i = degree; i >= 0; --i) {
      coefficients[i] = (i < 1 ? 0.0 : coefficients[i - 1]) - WinogradPoints<kAlpha>::alone * coefficients[i];
    }
  }

  constexpr double at(double t) const noexcept {
    double value = 0.0;
    for (int i = degree; i >= 0; --i) value = value * t + coefficients[i];
    return value;
  }
};

constexpr double integer_power(double base, int exponent) noexcept {
  double value = 1.0;
  for (int i = 0; i < exponent; ++i) value *= base;
  return value;
}

// G, for filters of `taps` taps: `products` (kAlpha) rows, ordered 0, +p, -p, ..., alone, infinity.
struct WinogradFilterMatrix {
  static constexpr int largest = 10;
  int products = 0;
  int taps = 0;
  double rows[largest][largest] = {};
};

template <int kAlpha>
constexpr WinogradFilterMatrix winograd_filter_matrix(int taps) noexcept {
  using Points = WinogradPoints<kAlpha>;
  using Polynomial = WinogradPolynomial<kAlpha>;
  WinogradFilterMatrix matrix;
  matrix.products = kAlpha;
  matrix.taps = taps;
  matrix.rows[0][0] = 1.0 / Polynomial(Polynomial::kNone).at(0.0);
  for (int tap = 0; tap < taps; ++tap) {
    for (int pair = 0; pair < Points::pairs; ++pair) {
      const double p = Points::values[pair];
      const double divisor = 2.0 * p * p;
      matrix.rows[1 + 2 * pair][tap] = integer_power(p, tap) / (divisor * Polynomial(pair).at(p));
      matrix.rows[2 + 2 * pair][tap] = integer_power(-p, tap) / (divisor * Polynomial(pair).at(-p));
    }
    if (kHasPointAlone<kAlpha>) {
      const double p = Points::alone;
      matrix.rows[kAlpha - 2][tap] = integer_power(p, tap) / (p * Polynomial(Polynomial::kAlone).at(p));
    }
  }
  matrix.rows[kAlpha - 1][taps - 1] = 1.0;
  return matrix;
}

// One dimension of a convolution, any stride: kOutputs outputs from kAlpha inputs with kAlpha products. With
// stride s, the inputs and the taps fall into s phases by their place modulo s; each phase is a convolution
// of stride 1, and the output is the sum of their outputs (the polyphase decomposition; for Winograd with
// stride 2 see J. Yepez and S.-B. Ko, "Stride 2 1-D, 2-D, and 3-D Winograd for Convolutional Neural
// Networks", IEEE Transactions on VLSI Systems 28(4), 2020). F(4, 3) with stride 2 takes 9 products instead
// of 12.
template <int kOutputCount, int kTapCount, int kStrideLength>
struct WinogradLine {
  static constexpr int kOutputs = kOutputCount;
  static constexpr int kTaps = kTapCount;
  static constexpr int kStride = kStrideLength;
  static constexpr int kAlpha = (kOutputs - 1) * kStride + kTaps;

  static constexpr int taps_of(int phase) noexcept { return (kTaps - phase + kStride - 1) / kStride; }
  static constexpr int alpha_of(int phase) noexcept { return kOutputs + taps_of(phase) - 1; }
  // Products of the phases follow each other.
  static constexpr int first_product(int phase) noexcept {
    int first = 0;
    for (int i = 0; i < phase; ++i) first += alpha_of(i);
    return first;
  }
};

}  // namespace varscope::simd
