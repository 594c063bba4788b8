// SPDX-License-Identifier: Apache-2.0
// Softmax against double precision.
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(test_softmax)

using namespace varscope::simd;
using namespace varscope::simd::testing;

BOOST_AUTO_TEST_CASE(random_rows) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t rows = random.integer(1, 4);
    const std::int64_t length = random.integer(1, 70);
    const float scale = random.pick<float>({1.0f, 10.0f, 1000.0f});
    const std::vector<float> src = random.floats(rows * length, -scale, scale);
    for_each_kernel_set([&](const KernelSet& kernels) {
      GuardedFloats dst(rows * length);
      kernels.softmax.softmax_rows(src.data(), dst.data(), rows, length);
      BOOST_TEST(dst.intact());
      for (std::int64_t row = 0; row < rows; ++row) {
        const float* x = src.data() + row * length;
        const double largest = static_cast<double>(*std::max_element(x, x + length));
        double sum = 0.0;
        for (std::int64_t j = 0; j < length; ++j) sum += std::exp(static_cast<double>(x[j]) - largest);
        for (std::int64_t j = 0; j < length; ++j) {
          const double distance = largest - static_cast<double>(x[j]);
          const double exact = std::exp(-distance) / sum;
          // The difference to the maximum is rounded before exp takes it.
          const double bound = exact * kEpsilon * (20.0 + distance) + 1.2e-38;
          BOOST_TEST(std::fabs(static_cast<double>(dst[row * length + j]) - exact) <= bound);
        }
      }
      std::vector<float> in_place = src;
      kernels.softmax.softmax_rows(in_place.data(), in_place.data(), rows, length);
      BOOST_TEST(same_bits(in_place, dst.copy()));
    });
  }
}

BOOST_AUTO_TEST_CASE(large_values_do_not_overflow) {
  const std::vector<float> src = {3e38f, -3e38f, 3e38f, -kInfinity};
  for_each_kernel_set([&](const KernelSet& kernels) {
    std::vector<float> dst(4);
    kernels.softmax.softmax_rows(src.data(), dst.data(), 1, 4);
    BOOST_TEST(dst == (std::vector<float>{0.5f, 0.0f, 0.5f, 0.0f}), boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(nan_spoils_its_row_alone) {
  std::vector<float> src(40, 1.0f);
  src[25] = kNaN;
  for_each_kernel_set([&](const KernelSet& kernels) {
    std::vector<float> dst(40);
    kernels.softmax.softmax_rows(src.data(), dst.data(), 2, 20);
    for (std::size_t j = 0; j < 20; ++j) {
      BOOST_TEST(std::fabs(dst[j] - 0.05f) < 1e-8f);
      BOOST_TEST(std::isnan(dst[20 + j]));
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
