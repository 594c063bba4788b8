// SPDX-License-Identifier: Apache-2.0
// What the kernel tests share: every kernel runs on every set that this machine supports, in one execution.
#pragma once

#include "exact_activation.hpp"
#include "support/random.hpp"

#include <varscope/simd/kernel_set.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

namespace varscope::simd::testing {

using varscope::testing::Random;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

inline Activation draw_activation(Random& random) {
  return random.pick<Activation>({Activation::none, Activation::none, Activation::relu, Activation::relu,
                                  Activation::sigmoid, Activation::tanh});
}

// body(kernels) for each built set that this machine runs, the name in the context of failures.
template <typename Body>
void for_each_kernel_set(Body&& body) {
  for (const KernelSet* kernels : built_kernel_sets()) {
    if (!supported(*kernels)) continue;
    BOOST_TEST_CONTEXT("kernel set " << kernels->name) {
      body(*kernels);
    }
  }
}

// Floats of which none may be touched beyond the end: exactly sized on the heap for the address sanitizer,
// and followed by guards for builds without it.
class GuardedFloats {
 public:
  explicit GuardedFloats(std::int64_t count) : count_(static_cast<std::size_t>(count)) {
    values_.assign(count_ + kGuards, kGuard);
  }
  float* data() { return values_.data(); }
  float operator[](std::int64_t i) const { return values_[static_cast<std::size_t>(i)]; }
  std::vector<float> copy() const {
    return {values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(count_)};
  }
  bool intact() const {
    return std::all_of(values_.begin() + static_cast<std::ptrdiff_t>(count_), values_.end(),
                       [](float value) { return value == kGuard; });
  }

 private:
  static constexpr std::size_t kGuards = 32;
  static constexpr float kGuard = 12345.0f;
  std::size_t count_;
  std::vector<float> values_;
};

// Tiles 0 .. count - 1 in a random order.
inline std::vector<std::int64_t> shuffled(std::int64_t count, Random& random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random.integer<std::size_t>(0, i - 1)]);
  return order;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// How far a value is from the exact one, in units in the last place of the exact one rounded to float. Equal
// infinities and two NaN are at distance zero.
inline double ulps(float value, double exact) {
  const float nearest = static_cast<float>(exact);
  if (std::isnan(nearest) || std::isnan(value))
    return std::isnan(nearest) && std::isnan(value) ? 0.0 : kInfinity;
  if (std::isinf(nearest) || std::isinf(value)) return nearest == value ? 0.0 : kInfinity;
  const float magnitude = std::max(std::fabs(nearest), std::numeric_limits<float>::min());
  const double unit =
      static_cast<double>(std::nextafter(magnitude, kInfinity)) - static_cast<double>(magnitude);
  return std::fabs(static_cast<double>(value) - exact) / unit;
}

}  // namespace varscope::simd::testing
