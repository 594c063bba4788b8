// SPDX-License-Identifier: Apache-2.0
// Random test cases that can be repeated: every program prints its seed once, and VARSCOPE_TEST_SEED=<seed>
// brings the same cases back.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <type_traits>
#include <vector>

namespace varscope::testing {

// The seed of this run: from the environment, else fresh. Printed on the first call.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("VARSCOPE_TEST_SEED");
    const std::uint64_t chosen =
        given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::printf("seed %llu (repeat with VARSCOPE_TEST_SEED=%llu)\n", static_cast<unsigned long long>(chosen),
                static_cast<unsigned long long>(chosen));
    std::fflush(stdout);
    return chosen;
  }();
  return value;
}

// A stream of random numbers; streams of different numbers are independent. Not thread-safe: one a thread.
class Random {
 public:
  explicit Random(std::uint64_t stream = 0) : engine_(seed() * 0x9E3779B97F4A7C15u + stream) {}

  // An integer of first .. last, both included.
  template <typename Int>
  Int integer(Int first, Int last) {
    static_assert(std::is_integral_v<Int>);
    return static_cast<Int>(std::uniform_int_distribution<std::int64_t>(
        static_cast<std::int64_t>(first), static_cast<std::int64_t>(last))(engine_));
  }

  // A number of low .. high.
  float uniform(float low = -1.0f, float high = 1.0f) {
    return std::uniform_real_distribution<float>(low, high)(engine_);
  }

  bool chance(double probability) { return std::bernoulli_distribution(probability)(engine_); }

  std::vector<float> floats(std::int64_t count, float low = -1.0f, float high = 1.0f) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = uniform(low, high);
    return values;
  }

  // One of the values.
  template <typename T>
  T pick(const std::vector<T>& values) {
    return values[integer<std::size_t>(0, values.size() - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace varscope::testing
