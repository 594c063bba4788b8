// SPDX-License-Identifier: Apache-2.0
// Transposes move every element to its place and touch nothing between the rows.
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(test_transpose)

using namespace varscope::simd;
using namespace varscope::simd::testing;

BOOST_AUTO_TEST_CASE(random_shapes) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t rows = random.integer(1, 90);
    const std::int64_t columns = random.integer(1, 90);
    const std::int64_t src_stride = columns + random.integer(0, 5);
    const std::int64_t dst_stride = rows + random.integer(0, 5);
    const std::vector<float> src = random.floats(rows * src_stride);
    for_each_kernel_set([&](const KernelSet& kernels) {
      std::vector<float> dst(static_cast<std::size_t>(columns * dst_stride), 7.0f);
      kernels.transpose.transpose_2d(src.data(), src_stride, dst.data(), dst_stride, rows, columns);
      std::int64_t wrong = 0;
      for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t k = 0; k < dst_stride; ++k) {
          const float expected = k < rows ? src[static_cast<std::size_t>(k * src_stride + j)] : 7.0f;
          wrong += dst[static_cast<std::size_t>(j * dst_stride + k)] != expected;
        }
      }
      BOOST_TEST(wrong == 0);
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
