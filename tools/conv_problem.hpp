// SPDX-License-Identifier: Apache-2.0
// ConvProblem: a layer with data, and what double precision says its output is.
#pragma once

#include "conv_layers.hpp"

#include <varscope/array.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace varscope::tools {

/// Input, filter and bias of a layer, uniform on [-1, 1), the same numbers on every machine.
struct ConvProblem {
  ConvLayer layer;
  Array input;   // [n,h,w,c]
  Array filter;  // [r,s,c/groups,k]
  Array bias;    // [k]
};

/// Throws ResourceExhaustedError if there is no memory for the layer.
ConvProblem make_conv_problem(const ConvLayer& layer);

/// relu(conv(input, filter) + bias) with products and sums in double, at output pixels spread over the whole
/// output; at every one of them if that takes few enough operations. The four corners of the first and last
/// image, where padding is, are always among them.
class ConvReference {
 public:
  explicit ConvReference(const ConvProblem& problem, double multiplications = 1.5e8);

  std::int64_t pixels() const noexcept { return static_cast<std::int64_t>(pixels_.size()); }
  std::int64_t all_pixels() const noexcept { return all_pixels_; }

  /// max |output - reference| over the pixels, in units of the root mean square of the reference: how wrong
  /// the worst value is against what a typical value is. NaN anywhere gives infinity.
  double largest_error(std::span<const float> output) const;

 private:
  std::int64_t channels_;
  std::int64_t all_pixels_;
  double root_mean_square_ = 0;
  std::vector<std::int64_t> pixels_;  // indices into [n, oh, ow]
  std::vector<double> values_;        // [pixels, k]
};

}  // namespace varscope::tools
