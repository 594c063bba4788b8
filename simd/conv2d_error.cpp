// SPDX-License-Identifier: Apache-2.0
// Error bounds of convolutions. For Winograd each transform is a sum of terms too, so an output's error is at
// most the number of roundings on the way to it times the same expression with every number replaced by its
// absolute value: sum over products i, j of |A|oi |A|pj (|G| |filter| |G^T|)ij (|B^T| |input| |B|)ij.
// With |input| <= D and the largest entry of each row of G this is at most amplification^2 * D * sum
// |filter|, where amplification = max over o of the sum over i of |A|oi * max |G|i * sum |B^T|i.
#include "winograd_points.hpp"

#include <varscope/simd/conv2d.hpp>

#include <algorithm>
#include <cmath>

namespace varscope::simd {

namespace {

// sum |B^T|i for the point +-p, and for 0 and infinity when pair is -1.
template <int kAlpha>
double input_norm(int pair) noexcept {
  const WinogradPolynomial<kAlpha> polynomial(pair);
  double sum = 0;
  for (int i = 0; i <= polynomial.degree; ++i) sum += std::fabs(polynomial.coefficients[i]);
  return pair < 0 ? sum : sum * (1 + WinogradPoints<kAlpha>::values[pair]);
}

template <int kAlpha>
double amplification(int taps) noexcept {
  const WinogradFilterMatrix matrix = winograd_filter_matrix<kAlpha>(taps);
  const int outputs = kAlpha - taps + 1;
  const auto filter_norm = [&](int row) {
    double largest = 0;
    for (int tap = 0; tap < taps; ++tap) largest = std::max(largest, std::fabs(matrix.rows[row][tap]));
    return largest;
  };
  double worst = 0;
  for (int output = 0; output < outputs; ++output) {
    double sum = 0;
    if (output == 0) sum += filter_norm(0) * input_norm<kAlpha>(-1);
    if (output == outputs - 1) sum += filter_norm(kAlpha - 1) * input_norm<kAlpha>(-1);
    for (int pair = 0; pair < WinogradPoints<kAlpha>::pairs; ++pair) {
      const double power = integer_power(WinogradPoints<kAlpha>::values[pair], output);
      sum += 2 * power * filter_norm(1 + 2 * pair) * input_norm<kAlpha>(pair);
    }
    worst = std::max(worst, sum);
  }
  return worst;
}

double amplification_of(const Conv2DPlan& plan) noexcept {
  const auto taps = static_cast<int>(plan.shape.filter_height);
  switch (plan.winograd.products) {
    case 16:
      return amplification<4>(taps);
    case 36:
      return amplification<6>(taps);
    case 64:
      return amplification<8>(taps);
    default:
      return 1;
  }
}

}  // namespace

double conv2d_error_factor(const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  constexpr double kEpilogue = 3;  // bias, residual, and the store
  const double channels = static_cast<double>(shape.in_channels) / static_cast<double>(shape.groups);
  if (plan.winograd.products == 0) {
    return channels * static_cast<double>(shape.filter_height * shape.filter_width) + 1 + kEpilogue;
  }
  // Roundings: the transforms of input, filter and output (twice, by columns and rows, at most 8 terms each;
  // the filter's is rounded once), and the sum over the channels.
  constexpr double kTransforms = 2 * 8 + 1 + 2 * 8;
  const double norm = amplification_of(plan);
  return norm * norm * (channels + 1 + kTransforms + kEpilogue);
}

}  // namespace varscope::simd
