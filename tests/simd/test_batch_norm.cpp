// SPDX-License-Identifier: Apache-2.0
// The passes of batch normalization against double precision.
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(test_batch_norm)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

double wide(float value) {
  return static_cast<double>(value);
}

/// A block inside of a larger matrix.
struct Case {
  BatchNormBlock block;
  std::vector<float> x, g;

  Case(Random& random, std::int64_t rows, std::int64_t columns, float mean, float spread)
      : block{.rows = rows, .columns = columns, .stride = columns + random.integer<std::int64_t>(0, 3)},
        x(random.floats(rows * block.stride, mean - spread, mean + spread)),
        g(random.floats(rows * block.stride)) {}

  std::size_t at(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(row * block.stride + column);
  }
  double mean_of(std::int64_t column) const {
    double sum = 0;
    for (std::int64_t row = 0; row < block.rows; ++row) sum += wide(x[at(row, column)]);
    return sum / static_cast<double>(block.rows);
  }
};

Case random_case(Random& random) {
  const auto rows = random.pick<std::int64_t>({1, 2, 3, 31, 32, 33, 64, 100, 1000});
  const auto columns = random.chance(0.5) ? random.integer<std::int64_t>(1, 40)
                                          : random.pick<std::int64_t>({16, 32, 48, 64, 80, 130});
  const float mean = random.pick<float>({0.0f, 1.0f, -1000.0f});
  return {random, rows, columns, mean, random.pick<float>({0.01f, 1.0f, 3.0f})};
}

}  // namespace

BOOST_AUTO_TEST_CASE(statistics_of_random_blocks) {
  Random random(1);
  for (int i = 0; i < 80; ++i) {
    const Case given = random_case(random);
    const BatchNormBlock& block = given.block;
    for_each_kernel_set([&](const KernelSet& kernels) {
      GuardedFloats offsets(block.columns), squares(block.columns);
      kernels.batch_norm.statistics(block, given.x.data(), offsets.data(), squares.data());
      BOOST_TEST((offsets.intact() && squares.intact()));
      for (std::int64_t j = 0; j < block.columns; ++j) {
        const double mean = given.mean_of(j);
        double expected = 0, largest = 0;
        for (std::int64_t row = 0; row < block.rows; ++row) {
          const double distance = wide(given.x[given.at(row, j)]) - mean;
          expected += distance * distance;
          largest = std::max(largest, std::fabs(wide(given.x[given.at(row, j)] - given.x[given.at(0, j)])));
        }
        // Whatever the mean is: the errors are those of the distances.
        const double first = wide(given.x[given.at(0, j)]);
        BOOST_TEST(std::fabs(wide(offsets[j]) - (mean - first)) <= 20 * kEpsilon * largest);
        BOOST_TEST(std::fabs(wide(squares[j]) - expected) <= 40 * kEpsilon * expected);
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(statistics_withstand_a_far_first_element) {
  Random random(2);
  Case given(random, 1000, 17, 0.0f, 1.0f);
  for (std::int64_t j = 0; j < 17; ++j) given.x[given.at(0, j)] = 1000.0f;
  for_each_kernel_set([&](const KernelSet& kernels) {
    std::vector<float> offsets(17), squares(17);
    kernels.batch_norm.statistics(given.block, given.x.data(), offsets.data(), squares.data());
    for (std::int64_t j = 0; j < 17; ++j) {
      const double mean = given.mean_of(j);
      double expected = 0;
      for (std::int64_t row = 0; row < 1000; ++row) {
        expected += (wide(given.x[given.at(row, j)]) - mean) * (wide(given.x[given.at(row, j)]) - mean);
      }
      const auto column = static_cast<std::size_t>(j);
      BOOST_TEST(std::fabs(wide(offsets[column]) + 1000 - mean) <= 20 * kEpsilon * 1000);
      BOOST_TEST(std::fabs(wide(squares[column]) - expected) <= 40 * kEpsilon * expected);
    }
  });
}

BOOST_AUTO_TEST_CASE(equal_elements_have_no_variance) {
  const std::vector<float> x(70 * 20, 0.1f);
  for_each_kernel_set([&](const KernelSet& kernels) {
    std::vector<float> offsets(20, 1.0f), squares(20, 1.0f);
    kernels.batch_norm.statistics({.rows = 70, .columns = 20, .stride = 20}, x.data(), offsets.data(),
                                  squares.data());
    BOOST_TEST(same_bits(offsets, std::vector<float>(20)));
    BOOST_TEST(same_bits(squares, std::vector<float>(20)));
  });
}

BOOST_AUTO_TEST_CASE(normalization_of_random_blocks) {
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    const Case given = random_case(random);
    const BatchNormBlock& block = given.block;
    const std::vector<float> mean = random.floats(block.columns), factor = random.floats(block.columns),
                             offset = random.floats(block.columns);
    for_each_kernel_set([&](const KernelSet& kernels) {
      // Elements between the rows are not touched.
      GuardedFloats y(block.rows * block.stride);
      std::fill_n(y.data(), block.rows * block.stride, 7.0f);
      kernels.batch_norm.normalize(block, given.x.data(), mean.data(), factor.data(), offset.data(),
                                   y.data());
      BOOST_TEST(y.intact());
      for (std::int64_t row = 0; row < block.rows; ++row) {
        for (std::int64_t j = 0; j < block.stride; ++j) {
          const auto at = static_cast<std::int64_t>(given.at(row, j));
          if (j >= block.columns) {
            BOOST_TEST(y[at] == 7.0f);
            continue;
          }
          const auto column = static_cast<std::size_t>(j);
          const double product =
              (wide(given.x[given.at(row, j)]) - wide(mean[column])) * wide(factor[column]);
          const double bound = 3 * kEpsilon * (std::fabs(product) + std::fabs(wide(offset[column])));
          BOOST_TEST(std::fabs(wide(y[at]) - (product + wide(offset[column]))) <= bound);
        }
      }
      std::vector<float> in_place = given.x;
      kernels.batch_norm.normalize(block, in_place.data(), mean.data(), factor.data(), offset.data(),
                                   in_place.data());
      for (std::int64_t row = 0; row < block.rows; ++row) {
        for (std::int64_t j = 0; j < block.columns; ++j) {
          BOOST_TEST(in_place[given.at(row, j)] == y[static_cast<std::int64_t>(given.at(row, j))]);
        }
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_random_blocks) {
  Random random(4);
  for (int i = 0; i < 60; ++i) {
    const Case given = random_case(random);
    const BatchNormBlock& block = given.block;
    const std::vector<float> mean = random.floats(block.columns), of_g = random.floats(block.columns),
                             of_x = random.floats(block.columns), constant = random.floats(block.columns);
    const BatchNormGradientNumbers<float> numbers = {
        .mean = mean.data(), .of_g = of_g.data(), .of_x = of_x.data(), .constant = constant.data()};
    for_each_kernel_set([&](const KernelSet& kernels) {
      GuardedFloats sums(block.columns), products(block.columns), dx(block.rows * block.stride);
      kernels.batch_norm.gradient_sums(block, given.g.data(), given.x.data(), mean.data(), sums.data(),
                                       products.data());
      kernels.batch_norm.gradient(block, given.g.data(), given.x.data(), numbers, dx.data());
      BOOST_TEST((sums.intact() && products.intact() && dx.intact()));
      for (std::int64_t j = 0; j < block.columns; ++j) {
        const auto column = static_cast<std::size_t>(j);
        double sum = 0, product = 0, magnitude = 0, product_magnitude = 0;
        for (std::int64_t row = 0; row < block.rows; ++row) {
          const double g = wide(given.g[given.at(row, j)]);
          const double distance = wide(given.x[given.at(row, j)]) - wide(mean[column]);
          sum += g;
          magnitude += std::fabs(g);
          product += g * distance;
          product_magnitude += std::fabs(g * distance);
          const double first = g * wide(of_g[column]);
          const double second = distance * wide(of_x[column]);
          const double expected = first + (second + wide(constant[column]));
          const double size = std::fabs(first) + std::fabs(second) + std::fabs(wide(constant[column]));
          BOOST_TEST(std::fabs(wide(dx[static_cast<std::int64_t>(given.at(row, j))]) - expected) <=
                     4 * kEpsilon * size);
        }
        BOOST_TEST(std::fabs(wide(sums[j]) - sum) <= 40 * kEpsilon * magnitude);
        BOOST_TEST(std::fabs(wide(products[j]) - product) <= 40 * kEpsilon * product_magnitude);
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(columns_are_independent) {
  Random random(5);
  const Case given(random, 77, 96, 5.0f, 2.0f);
  for_each_kernel_set([&](const KernelSet& kernels) {
    std::vector<float> together(96), squares(96), apart(96), squares_apart(96);
    kernels.batch_norm.statistics(given.block, given.x.data(), together.data(), squares.data());
    for (std::int64_t j = 0; j < 96; j += 16) {
      BatchNormBlock part = given.block;
      part.columns = 16;
      kernels.batch_norm.statistics(part, given.x.data() + j, apart.data() + j, squares_apart.data() + j);
    }
    BOOST_TEST(same_bits(together, apart));
    BOOST_TEST(same_bits(squares, squares_apart));
  });
}

BOOST_AUTO_TEST_SUITE_END()
