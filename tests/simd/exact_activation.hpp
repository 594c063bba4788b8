// SPDX-License-Identifier: Apache-2.0
// Activations in double precision, for tests with and without Boost.Test.
#pragma once

#include <varscope/simd/activation.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace varscope::simd::testing {

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

// Those that round nothing.
inline bool is_comparison(Activation activation) {
  return activation == Activation::none || activation == Activation::relu;
}

// What an activation makes of an exact sum.
inline double activated(Activation activation, double sum) {
  switch (activation) {
    case Activation::none:
      return sum;
    case Activation::relu:
      return std::max(sum, 0.0);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-sum));
    case Activation::tanh:
      return std::tanh(sum);
  }
  return sum;
}

// How wrong a result may be whose sum is wrong by no more than `bound`: the slope of an activation is at most
// one, and its own error 4 ulp of a number up to one.
inline double activated_bound(Activation activation, double bound) {
  return is_comparison(activation) ? bound : bound + 4 * kEpsilon;
}

}  // namespace varscope::simd::testing
