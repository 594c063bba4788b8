// SPDX-License-Identifier: Apache-2.0
// Error bounds of convolutions. For Winograd each transform is a sum of terms too, so an output's error is at
// most the number of roundings on the way to it times the same expression with every number replaced by its
// absolute value: sum over products i, j of |A|oi |A|pj (|G| |filter| |G^T|)ij (|B^T| |input| |B|)ij.
// With |input| <= D and the largest entry of each row of G this is at most the amplifications of the two
// directions * D * sum |filter|, where amplification = max over o of the sum over i of |A|oi * max |G|i *
// sum |B^T|i.
//
// Of Strassen the same expression, with |A| <= D and the columns of |B| summed over the input channels, is,
// of the outputs in the order C11, C12, C21, C22 and in units of D: |B11| + |B21|, 6|B11| + 5|B12| + 7|B22|,
// 5|B11| + 6|B12| + |B21| + 6|B22|, 6|B11| + 7|B12| + 5|B22|: at most 7 times the two channels' sums.
#include "winograd_points.hpp"

#include <varscope/simd/conv2d.hpp>

#include <algorithm>
#include <cmath>

namespace varscope::simd {

namespace {

template <int kAlpha>
double norm_of(const WinogradPolynomial<kAlpha>& polynomial) noexcept {
  double sum = 0;
  for (int i = 0; i <= polynomial.degree; ++i) sum += std::fabs(polynomial.coefficients[i]);
  return sum;
}

template <int kAlpha>
double amplification(int taps, int outputs) noexcept {
  using Points = WinogradPoints<kAlpha>;
  using Polynomial = WinogradPolynomial<kAlpha>;
  const WinogradFilterMatrix matrix = winograd_filter_matrix<kAlpha>(taps);
  const auto filter_norm = [&](int row) {
    double largest = 0;
    for (int tap = 0; tap < taps; ++tap) largest = std::max(largest, std::fabs(matrix.rows[row][tap]));
    return largest;
  };
  const double norm = norm_of(Polynomial(Polynomial::kNone));
  double worst = 0;
  for (int output = 0; output < outputs; ++output) {
    double sum = 0;
    if (output == 0) sum += filter_norm(0) * norm;
    if (output == outputs - 1) sum += filter_norm(kAlpha - 1) * norm;
    for (int pair = 0; pair < Points::pairs; ++pair) {
      const double p = Points::values[pair];
      const double filter_norms = filter_norm(1 + 2 * pair) + filter_norm(2 + 2 * pair);
      sum += integer_power(p, output) * filter_norms * norm_of(Polynomial(pair)) * (1 + p);
    }
    if (kHasPointAlone<kAlpha>) {
      sum += integer_power(Points::alone, output) * filter_norm(kAlpha - 2) *
             norm_of(Polynomial(Polynomial::kAlone));
    }
    worst = std::max(worst, sum);
  }
  return worst;
}

// Of one phase: F(outputs, taps).
double amplification_of_phase(int taps, int outputs) noexcept {
  if (taps == 1) return 1;
  switch (outputs + taps - 1) {
    case 3:
      return amplification<3>(taps, outputs);
    case 4:
      return amplification<4>(taps, outputs);
    case 5:
      return amplification<5>(taps, outputs);
    case 6:
      return amplification<6>(taps, outputs);
    case 7:
      return amplification<7>(taps, outputs);
    case 8:
      return amplification<8>(taps, outputs);
    default:
      return amplification<10>(taps, outputs);
  }
}

// The taps of a phase are some of the filter's, so the sum over phases of amplification * sum |taps| is at
// most the largest amplification times the sum over all.
double amplification_of(std::int64_t filter_taps, std::int64_t stride, std::int64_t outputs) noexcept {
  double worst = 1;
  for (std::int64_t phase = 0; phase < std::min(stride, filter_taps); ++phase) {
    const std::int64_t taps = (filter_taps - phase + stride - 1) / stride;
    worst = std::max(worst, amplification_of_phase(static_cast<int>(taps), static_cast<int>(outputs)));
  }
  return worst;
}

}  // namespace

double conv2d_error_factor(const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  constexpr double kEpilogue = 3;  // bias, residual, and the store
  const double channels = static_cast<double>(shape.in_channels) / static_cast<double>(shape.groups);
  if (plan.winograd_row.products != 0) {
    // One transform of input, filter and output each.
    constexpr double kTransforms = 10 + 1 + 11;
    const double terms = channels * static_cast<double>(shape.filter_height);
    return amplification_of(shape.filter_width, shape.stride_width, plan.winograd_row.outputs_per_patch) *
           (terms + 1 + kTransforms + kEpilogue);
  }
  if (plan.algorithm == Conv2DAlgorithm::strassen) {
    // Roundings: three sums of pixels, one of the filter, at most four products that follow each other in one
    // sum, the product itself where it is not fused, and the sum with P5.
    constexpr double kAmplification = 7;
    const double products = 4 * static_cast<double>(plan.strassen.half_depth);
    return kAmplification * (3 + 1 + products + 1 + 1 + kEpilogue);
  }
  if (plan.winograd.products == 0) {
    return channels * static_cast<double>(shape.filter_height * shape.filter_width) + 1 + kEpilogue;
  }
  // Roundings: the transforms of input, filter and output (by columns and rows, at most 8 terms each, or one
  // of them and 10 terms, and one more where phases are added; the filter's is rounded once), and the sum
  // over the channels.
  constexpr double kTransforms = 2 * 8 + 1 + 2 * 9;
  const double norm =
      amplification_of(plan.winograd.taps_height, shape.stride_height, plan.winograd.patch_height) *
      amplification_of(plan.winograd.taps_width, shape.stride_width, plan.winograd.patch_width);
  const double segments = static_cast<double>(plan.winograd.segment_rows * plan.winograd.segment_columns);
  return norm * (channels * segments + 1 + kTransforms + kEpilogue);
}

}  // namespace varscope::simd
