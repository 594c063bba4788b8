// SPDX-License-Identifier: Apache-2.0
// Pooling against windows walked one element at a time.
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(test_pooling)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

struct Exact {
  double largest = -static_cast<double>(kInfinity);
  double sum = 0.0;
  double magnitude = 0.0;
  std::int64_t count = 0;
};

Exact window(const Pool2DShape& s, const std::vector<float>& input, std::int64_t n, std::int64_t y,
             std::int64_t x, std::int64_t channel) {
  Exact exact;
  for (std::int64_t r = 0; r < s.window_height; ++r) {
    for (std::int64_t q = 0; q < s.window_width; ++q) {
      const std::int64_t in_y = y * s.stride_height + r - s.pad_top;
      const std::int64_t in_x = x * s.stride_width + q - s.pad_left;
      if (in_y < 0 || in_y >= s.in_height || in_x < 0 || in_x >= s.in_width) continue;
      const double value = static_cast<double>(input[static_cast<std::size_t>(
          ((n * s.in_height + in_y) * s.in_width + in_x) * s.channels + channel)]);
      exact.largest = std::max(exact.largest, value);
      exact.sum += value;
      exact.magnitude += std::fabs(value);
      ++exact.count;
    }
  }
  return exact;
}

Pool2DShape random_shape(Random& random) {
  Pool2DShape s;
  s.batch = random.integer(1, 2);
  s.in_height = random.integer(1, 9);
  s.in_width = random.integer(1, 9);
  s.channels = random.pick<std::int64_t>({1, 2, 3, 4, 5, 8, 15, 16, 17, 33});
  s.window_height = random.integer(1, 4);
  s.window_width = random.integer(1, 4);
  s.stride_height = random.integer(1, 3);
  s.stride_width = random.integer(1, 3);
  s.pad_top = random.integer(0, 3);
  s.pad_left = random.integer(0, 3);
  s.out_height = (s.in_height + s.pad_top) / s.stride_height + 1;
  s.out_width = (s.in_width + s.pad_left) / s.stride_width + 1;
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_shapes) {
  Random random(1);
  for (int i = 0; i < 150; ++i) {
    const Pool2DShape s = random_shape(random);
    const std::vector<float> input = random.floats(s.batch * s.in_height * s.in_width * s.channels);
    const std::int64_t rows = s.batch * s.out_height;
    const std::int64_t count = rows * s.out_width * s.channels;
    for_each_kernel_set([&](const KernelSet& kernels) {
      GuardedFloats largest(count);
      GuardedFloats average(count);
      const std::int64_t cut = random.integer<std::int64_t>(0, rows);
      kernels.pooling.max_pool2d(s, input.data(), largest.data(), cut, rows);
      kernels.pooling.max_pool2d(s, input.data(), largest.data(), 0, cut);
      kernels.pooling.average_pool2d(s, input.data(), average.data(), 0, cut);
      kernels.pooling.average_pool2d(s, input.data(), average.data(), cut, rows);
      BOOST_TEST((largest.intact() && average.intact()));
      for (std::int64_t j = 0; j < count; ++j) {
        const std::int64_t x = j / s.channels % s.out_width;
        const std::int64_t row = j / s.channels / s.out_width;
        const Exact exact = window(s, input, row / s.out_height, row % s.out_height, x, j % s.channels);
        BOOST_TEST(static_cast<double>(largest[j]) == exact.largest);
        if (exact.count == 0) {
          BOOST_TEST(std::isnan(average[j]));
        } else {
          const double size = static_cast<double>(exact.count);
          const double error = std::fabs(static_cast<double>(average[j]) - exact.sum / size);
          BOOST_TEST(error <= exact.magnitude * kEpsilon);
        }
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(nan_is_kept) {
  const Pool2DShape s = {.in_width = 4, .channels = 1, .out_width = 2, .window_width = 2, .stride_width = 2};
  for (const std::vector<float>& input :
       {std::vector<float>{kNaN, 1, 2, 3}, std::vector<float>{1, kNaN, 2, 3}}) {
    for_each_kernel_set([&](const KernelSet& kernels) {
      GuardedFloats largest(2);
      kernels.pooling.max_pool2d(s, input.data(), largest.data(), 0, 1);
      BOOST_TEST(std::isnan(largest[0]));
      BOOST_TEST(largest[1] == 3.0f);
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
