// SPDX-License-Identifier: Apache-2.0
// Sums, means, maxima and their indices against double precision.
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(test_reduce)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

const std::vector<std::int64_t> kLengths = {0,  1,  2,  3,  4,  5,  7,  8,   9,   15,
                                            16, 17, 31, 32, 33, 63, 65, 100, 513, 1025};

// A pairwise sum of n numbers errs by about log2(n) roundings, after up to 32 additions in order.
double sum_bound(std::int64_t length, double magnitude) {
  return (40.0 + std::log2(static_cast<double>(length) + 1.0)) * magnitude * kEpsilon;
}

}  // namespace

BOOST_AUTO_TEST_CASE(axes_of_random_shapes) {
  Random random(1);
  for (int i = 0; i < 120; ++i) {
    const std::int64_t outer = random.integer(1, 4);
    const std::int64_t length = random.pick(kLengths);
    const std::int64_t inner = random.chance(0.3) ? 1 : random.integer(2, 40);
    const std::vector<float> src = random.floats(outer * length * inner);
    for_each_kernel_set([&](const KernelSet& kernels) {
      const std::int64_t count = outer * inner;
      GuardedFloats sum(count), mean(count), largest(count);
      if (inner == 1) {
        kernels.reduce.sum_rows(src.data(), sum.data(), outer, length);
        kernels.reduce.mean_rows(src.data(), mean.data(), outer, length);
        kernels.reduce.max_rows(src.data(), largest.data(), outer, length);
      } else {
        kernels.reduce.sum_axis(src.data(), sum.data(), outer, length, inner);
        kernels.reduce.mean_axis(src.data(), mean.data(), outer, length, inner);
        kernels.reduce.max_axis(src.data(), largest.data(), outer, length, inner);
      }
      BOOST_TEST((sum.intact() && mean.intact() && largest.intact()));
      for (std::int64_t j = 0; j < count; ++j) {
        double exact = 0.0, magnitude = 1.0, best = -static_cast<double>(kInfinity);
        for (std::int64_t k = 0; k < length; ++k) {
          const double x = static_cast<double>(
              src[static_cast<std::size_t>((j / inner * length + k) * inner + j % inner)]);
          exact += x;
          magnitude += std::fabs(x);
          best = std::max(best, x);
        }
        const double bound = sum_bound(length, magnitude);
        BOOST_TEST(std::fabs(static_cast<double>(sum[j]) - exact) <= bound);
        BOOST_TEST(static_cast<double>(largest[j]) == best);
        if (length == 0) {
          BOOST_TEST(std::isnan(mean[j]));
        } else {
          const double n = static_cast<double>(length);
          BOOST_TEST(std::fabs(static_cast<double>(mean[j]) - exact / n) <= bound / n);
        }
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(long_sums_stay_accurate) {
  // Added in order, a million tenths is off by hundreds of units; pairwise it is not.
  const std::vector<float> tenths(1 << 20, 0.1f);
  const double exact = static_cast<double>(0.1f) * (1 << 20);
  for_each_kernel_set([&](const KernelSet& kernels) {
    float sum = 0.0f;
    kernels.reduce.sum_rows(tenths.data(), &sum, 1, 1 << 20);
    BOOST_TEST(ulps(sum, exact) <= 8.0);
    std::vector<float> columns(16);
    kernels.reduce.sum_axis(tenths.data(), columns.data(), 1, 1 << 16, 16);
    for (const float column : columns) BOOST_TEST(ulps(column, exact / 16) <= 8.0);
  });
}

BOOST_AUTO_TEST_CASE(rows_are_independent) {
  Random random(2);
  const std::vector<float> src = random.floats(7 * 77);
  for_each_kernel_set([&](const KernelSet& kernels) {
    std::vector<float> together(7), apart(7);
    kernels.reduce.sum_rows(src.data(), together.data(), 7, 77);
    for (std::size_t i = 0; i < 7; ++i) kernels.reduce.sum_rows(src.data() + i * 77, &apart[i], 1, 77);
    BOOST_TEST(same_bits(together, apart));
  });
}

BOOST_AUTO_TEST_CASE(argmax_takes_the_first_of_equals) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t rows = random.integer(1, 4);
    const std::int64_t length = random.integer(1, 70);
    std::vector<float> src(static_cast<std::size_t>(rows * length));
    for (float& x : src) x = static_cast<float>(random.integer(-3, 3));
    if (random.chance(0.3)) src[random.integer<std::size_t>(0, src.size() - 1)] = kNaN;
    if (random.chance(0.2)) std::fill(src.begin(), src.end(), -kInfinity);
    for_each_kernel_set([&](const KernelSet& kernels) {
      std::vector<std::int64_t> found(static_cast<std::size_t>(rows));
      kernels.reduce.argmax_rows(src.data(), found.data(), rows, length);
      for (std::int64_t row = 0; row < rows; ++row) {
        const auto first = src.begin() + row * length;
        auto expected = std::find_if(first, first + length, [](float x) { return std::isnan(x); });
        if (expected == first + length) expected = std::max_element(first, first + length);
        BOOST_TEST(found[static_cast<std::size_t>(row)] == expected - first);
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(nan_is_kept_by_maxima) {
  for (const std::size_t position : {0u, 1u, 16u, 20u, 39u}) {
    std::vector<float> src(40, 1.0f);
    src[position] = kNaN;
    for_each_kernel_set([&](const KernelSet& kernels) {
      float largest = 0.0f;
      kernels.reduce.max_rows(src.data(), &largest, 1, 40);
      BOOST_TEST(std::isnan(largest));
      kernels.reduce.max_axis(src.data(), &largest, 1, 40, 1);
      BOOST_TEST(std::isnan(largest));
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
