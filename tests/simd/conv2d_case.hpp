// SPDX-License-Identifier: Apache-2.0
// A convolution with data and its exact results, for the tests of convolution.
#pragma once

#include "support.hpp"

#include <ostream>
#include <utility>

namespace varscope::simd {

inline std::ostream& operator<<(std::ostream& out, const Conv2DShape& s) {
  return out << "batch " << s.batch << " in " << s.in_height << 'x' << s.in_width << 'x' << s.in_channels
             << " out " << s.out_height << 'x' << s.out_width << 'x' << s.out_channels << " filter "
             << s.filter_height << 'x' << s.filter_width << " stride " << s.stride_height << 'x'
             << s.stride_width << " dilation " << s.dilation_height << 'x' << s.dilation_width << " pad "
             << s.pad_top << ',' << s.pad_left << " groups " << s.groups;
}

}  // namespace varscope::simd

namespace varscope::simd::testing {

enum class Padding { valid, same, odd };

// Sets the output size: VALID and SAME as TensorFlow defines them; odd pads more above and left than any
// window needs and leaves windows that hang over below and to the right.
inline void pad(Conv2DShape& s, Padding padding) {
  const auto one = [padding](std::int64_t in, std::int64_t filter, std::int64_t stride, std::int64_t dilation,
                             std::int64_t* out, std::int64_t* before) {
    const std::int64_t window = (filter - 1) * dilation + 1;
    if (padding == Padding::same || (padding == Padding::valid && in < window)) {
      *out = (in + stride - 1) / stride;
      *before = std::max<std::int64_t>((*out - 1) * stride + window - in, 0) / 2;
    } else if (padding == Padding::valid) {
      *out = (in - window) / stride + 1;
      *before = 0;
    } else {
      *before = window + 1;
      *out = (in + 2 * *before - window) / stride + 1;
    }
  };
  one(s.in_height, s.filter_height, s.stride_height, s.dilation_height, &s.out_height, &s.pad_top);
  one(s.in_width, s.filter_width, s.stride_width, s.dilation_width, &s.out_width, &s.pad_left);
}

struct Conv2DCase {
  Conv2DShape shape;
  std::vector<float> input, filter, bias, residual;
  Activation activation = Activation::none;
  std::vector<double> exact;      // before the activation
  std::vector<double> magnitude;  // the sum of the terms' absolute values
  std::vector<double> contract;   // what conv2d_error_factor() multiplies
  double largest = 0;             // of the input
  std::vector<double> norms;      // sums of the filter's absolute values, of each output channel
};

// The eps of the accuracy contract.
constexpr double kUnitRoundoff = kEpsilon / 2;

inline void add_contract(Conv2DCase& c) {
  const Conv2DShape& s = c.shape;
  c.largest = 0;
  for (const float x : c.input) c.largest = std::max(c.largest, std::fabs(static_cast<double>(x)));
  c.norms.assign(static_cast<std::size_t>(s.out_channels), 0.0);
  for (std::size_t i = 0; i < c.filter.size(); ++i) {
    c.norms[i % c.norms.size()] += std::fabs(static_cast<double>(c.filter[i]));
  }
  for (std::size_t i = 0; i < c.exact.size(); ++i) {
    double bound = c.largest * c.norms[i % c.norms.size()];
    if (!c.bias.empty()) bound += std::fabs(static_cast<double>(c.bias[i % c.norms.size()]));
    if (!c.residual.empty()) bound += std::fabs(static_cast<double>(c.residual[i]));
    c.contract.push_back(bound);
  }
}

inline Conv2DCase with_exact_sums(Conv2DCase c) {
  const Conv2DShape& s = c.shape;
  const std::int64_t group_in = s.in_channels / s.groups;
  const std::int64_t group_out = s.out_channels / s.groups;
  const std::int64_t outputs = s.batch * s.out_height * s.out_width * s.out_channels;
  c.exact.clear();
  c.magnitude.clear();
  c.contract.clear();
  const auto at = [](const std::vector<float>& values, std::int64_t i) {
    return static_cast<double>(values[static_cast<std::size_t>(i)]);
  };
  for (std::int64_t i = 0; i < outputs; ++i) {
    const std::int64_t k = i % s.out_channels;
    const std::int64_t x = i / s.out_channels % s.out_width;
    const std::int64_t y = i / s.out_channels / s.out_width % s.out_height;
    const std::int64_t n = i / s.out_channels / s.out_width / s.out_height;
    double sum = (c.bias.empty() ? 0.0 : at(c.bias, k)) + (c.residual.empty() ? 0.0 : at(c.residual, i));
    double magnitude = std::fabs(sum) + 1.0;
    for (std::int64_t r = 0; r < s.filter_height; ++r) {
      for (std::int64_t q = 0; q < s.filter_width; ++q) {
        const std::int64_t in_y = y * s.stride_height + r * s.dilation_height - s.pad_top;
        const std::int64_t in_x = x * s.stride_width + q * s.dilation_width - s.pad_left;
        if (in_y < 0 || in_y >= s.in_height || in_x < 0 || in_x >= s.in_width) continue;
        for (std::int64_t ch = 0; ch < group_in; ++ch) {
          const double term = at(c.input, ((n * s.in_height + in_y) * s.in_width + in_x) * s.in_channels +
                                              k / group_out * group_in + ch) *
                              at(c.filter, ((r * s.filter_width + q) * group_in + ch) * s.out_channels + k);
          sum += term;
          magnitude += std::fabs(term);
        }
      }
    }
    c.exact.push_back(sum);
    c.magnitude.push_back(magnitude);
  }
  add_contract(c);
  return c;
}

inline Conv2DCase make_case(const Conv2DShape& s, bool with_bias, bool with_residual, Activation activation,
                            Random& random) {
  Conv2DCase c;
  c.shape = s;
  c.activation = activation;
  const std::int64_t group_in = s.in_channels / s.groups;
  const std::int64_t outputs = s.batch * s.out_height * s.out_width * s.out_channels;
  c.input = random.floats(s.batch * s.in_height * s.in_width * s.in_channels);
  c.filter = random.floats(s.filter_height * s.filter_width * group_in * s.out_channels);
  if (with_bias) c.bias = random.floats(s.out_channels);
  if (with_residual) c.residual = random.floats(outputs);
  return with_exact_sums(std::move(c));
}

inline std::vector<float> run(const Conv2DPlan& plan, const Conv2DCase& c,
                              const std::vector<std::int64_t>& pack_order,
                              const std::vector<std::int64_t>& order) {
  GuardedFloats packed(plan.packed_filter_floats);
  for (const std::int64_t tile : pack_order)
    plan.pack_filter_tile(plan, c.filter.data(), packed.data(), tile);
  BOOST_TEST(packed.intact());
  GuardedFloats output(static_cast<std::int64_t>(c.exact.size()) / (plan.max_pooled ? 4 : 1));
  for (const std::int64_t tile : order) {
    GuardedFloats workspace(plan.workspace_floats);
    plan.run_tile(plan,
                  {.input = c.input.data(),
                   .packed_filter = packed.data(),
                   .output = output.data(),
                   .epilogue = {.bias = c.bias.empty() ? nullptr : c.bias.data(),
                                .residual = c.residual.empty() ? nullptr : c.residual.data(),
                                .activation = c.activation},
                   .workspace = workspace.data()},
                  tile);
    BOOST_TEST(workspace.intact());
  }
  BOOST_TEST(output.intact());
  return output.copy();
}

inline bool is_winograd(Conv2DAlgorithm algorithm) {
  return algorithm == Conv2DAlgorithm::winograd_2x2 || algorithm == Conv2DAlgorithm::winograd_4x4 ||
         algorithm == Conv2DAlgorithm::winograd_6x6 || algorithm == Conv2DAlgorithm::winograd_1x4;
}

}  // namespace varscope::simd::testing
