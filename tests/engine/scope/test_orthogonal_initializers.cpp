// SPDX-License-Identifier: Apache-2.0
// SEMANTICS 2.1: orthogonal, delta-orthogonal, identity. The judges: the definition of an orthogonal matrix,
// Gram and Schmidt's orthogonalization in extended precision (which gives the one Q whose R has a positive
// diagonal), and Archimedes' theorem on the sphere.
#include "scope_fixture.hpp"

#include <varscope/initializer.hpp>
#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_orthogonal_initializers)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

constexpr vs::SeedPair seeds{42, 7};

struct Matrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> elements;
  double operator()(std::int64_t row, std::int64_t column) const {
    return elements[static_cast<std::size_t>(row * columns + column)];
  }
};

std::vector<double> doubles_of(const vs::Array& array) {
  if (array.dtype() == vs::float64) return {array.values<double>().begin(), array.values<double>().end()};
  return {array.values<float>().begin(), array.values<float>().end()};
}

/// All dimensions but the last are the rows.
Matrix matrix_of(const vs::Array& array) {
  const std::int64_t columns = array.shape()[array.shape().rank() - 1];
  return {array.num_elements() / columns, columns, doubles_of(array)};
}

Matrix transposed(const Matrix& matrix) {
  Matrix result{matrix.columns, matrix.rows, {}};
  for (std::int64_t column = 0; column < matrix.columns; ++column) {
    for (std::int64_t row = 0; row < matrix.rows; ++row) result.elements.push_back(matrix(row, column));
  }
  return result;
}

/// How far the scalar products of the columns are from those of an orthonormal set times the gain.
double deviation_from_orthogonal(const Matrix& matrix, double gain) {
  double largest = 0;
  for (std::int64_t left = 0; left < matrix.columns; ++left) {
    for (std::int64_t right = left; right < matrix.columns; ++right) {
      long double sum = left == right ? -static_cast<long double>(gain) * gain : 0.0L;
      for (std::int64_t row = 0; row < matrix.rows; ++row) {
        sum += static_cast<long double>(matrix(row, left)) * matrix(row, right);
      }
      largest = std::max(largest, std::abs(static_cast<double>(sum)));
    }
  }
  return largest;
}

/// Twice is enough, and in extended precision too.
Matrix gram_schmidt(const Matrix& matrix) {
  std::vector<std::vector<long double>> basis;
  for (std::int64_t column = 0; column < matrix.columns; ++column) {
    std::vector<long double> vector;
    for (std::int64_t row = 0; row < matrix.rows; ++row) vector.push_back(matrix(row, column));
    const auto product = [&](const std::vector<long double>& other) {
      long double sum = 0;
      for (std::size_t row = 0; row < vector.size(); ++row) sum += vector[row] * other[row];
      return sum;
    };
    for (int repetition = 0; repetition < 2; ++repetition) {
      for (const std::vector<long double>& other : basis) {
        const long double part = product(other);
        for (std::size_t row = 0; row < vector.size(); ++row) vector[row] -= part * other[row];
      }
    }
    const long double norm = std::sqrt(product(vector));
    for (long double& element : vector) element /= norm;
    basis.push_back(vector);
  }
  Matrix result{matrix.rows, matrix.columns, {}};
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (const std::vector<long double>& vector : basis) {
      result.elements.push_back(static_cast<double>(vector[static_cast<std::size_t>(row)]));
    }
  }
  return result;
}

double largest_difference(const Matrix& left, const Matrix& right) {
  double largest = 0;
  for (std::size_t index = 0; index < left.elements.size(); ++index) {
    largest = std::max(largest, std::abs(left.elements[index] - right.elements[index]));
  }
  return largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(columns_or_rows_are_orthonormal) {
  const vs::Shape shapes[] = {{1, 1},    {2, 1},   {1, 2},    {3, 3},    {17, 17},      {16, 40},
                              {40, 16},  {33, 34}, {100, 64}, {64, 100}, {3, 3, 4, 20}, {5, 5, 2, 70},
                              {2, 3, 4}, {1, 300}, {300, 1},  {130, 130}};
  for (const vs::Shape& shape : shapes) {
    for (const double gain : {1.0, 1.5}) {
      for (const vs::DType dtype : {vs::float32, vs::float64}) {
        BOOST_TEST_CONTEXT(shape.to_string() << " " << dtype << " times " << gain) {
          Matrix matrix = matrix_of(vs::orthogonal_initializer(gain)(shape, dtype, seeds));
          if (matrix.rows < matrix.columns) matrix = transposed(matrix);
          // float32 rounds each element by 2^-25 of its size at most: columns of norm one by as much.
          BOOST_TEST(deviation_from_orthogonal(matrix, gain) < (dtype == vs::float64 ? 1e-13 : 3e-7));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(it_is_the_q_of_the_normal_matrix_with_a_positive_r_diagonal) {
  for (const vs::Shape& shape : {vs::Shape{1, 1}, {5, 5}, {40, 7}, {7, 40}, {50, 50}, {3, 2, 4, 9}}) {
    BOOST_TEST_CONTEXT(shape.to_string()) {
      const Matrix ours = matrix_of(vs::orthogonal_initializer()(shape, vs::float64, seeds));
      const std::int64_t length = std::max(ours.rows, ours.columns);
      const std::int64_t vectors = std::min(ours.rows, ours.columns);
      const Matrix q =
          gram_schmidt(matrix_of(vs::random_normal_initializer()({length, vectors}, vs::float64, seeds)));
      // The condition of a random square matrix of this size times the rounding of double.
      BOOST_TEST(largest_difference(ours, ours.rows < ours.columns ? transposed(q) : q) < 1e-11);
      // float32 has the same numbers, rounded.
      const Matrix single = matrix_of(vs::orthogonal_initializer()(shape, vs::float32, seeds));
      BOOST_TEST(largest_difference(single, ours) <= 0x1p-25);
    }
  }
}

// Uniform among the orthogonal matrices: each element of a 3x3 one is uniform on [-1, 1] (Archimedes), and
// one half of them turn, the other half mirror. Fixed seeds; the bounds are exceeded once in a million
// (see test_initializer_statistics.cpp).
BOOST_AUTO_TEST_CASE(it_is_uniform_among_orthogonal_matrices) {
  constexpr std::uint64_t count = 1U << 16U;
  std::vector<std::vector<double>> elements(9);
  int turns = 0;
  const vs::Initializer initializer = vs::orthogonal_initializer();
  for (std::uint64_t second = 0; second < count; ++second) {
    const Matrix q = matrix_of(initializer({3, 3}, vs::float64, {42, second}));
    for (std::size_t index = 0; index < 9; ++index) elements[index].push_back(q.elements[index]);
    const double determinant = q(0, 0) * (q(1, 1) * q(2, 2) - q(1, 2) * q(2, 1)) -
                               q(0, 1) * (q(1, 0) * q(2, 2) - q(1, 2) * q(2, 0)) +
                               q(0, 2) * (q(1, 0) * q(2, 1) - q(1, 1) * q(2, 0));
    if (determinant > 0) ++turns;
  }
  BOOST_TEST(std::abs(turns - count / 2.0) < 5 * std::sqrt(count / 4.0));
  for (std::size_t index = 0; index < 9; ++index) {
    std::vector<double>& values = elements[index];
    std::sort(values.begin(), values.end());
    double distance = 0;
    for (std::size_t rank = 0; rank < count; ++rank) {
      const double wanted = (values[rank] + 1) / 2;
      distance = std::max({distance, wanted - static_cast<double>(rank) / count,
                           static_cast<double>(rank + 1) / count - wanted});
    }
    BOOST_TEST_CONTEXT("element " << index) {
      BOOST_TEST(distance < std::sqrt(std::log(2e6) / (2.0 * count)));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_delta_orthogonal_filter_keeps_lengths) {
  struct Case {
    vs::Shape shape;
    std::int64_t centre;  // its position among the taps
  };
  const Case cases[] = {{{3, 2, 4}, 1},
                        {{4, 5, 5}, 1},
                        {{1, 1, 1}, 0},
                        {{3, 3, 6, 20}, 4},
                        {{5, 4, 3, 3}, 2 * 4 + 1},
                        {{3, 3, 3, 2, 7}, 13},
                        {{2, 5, 1, 4, 40}, 0 * 5 + 2}};
  for (const auto& [shape, centre] : cases) {
    for (const vs::DType dtype : {vs::float32, vs::float64}) {
      BOOST_TEST_CONTEXT(shape.to_string() << " " << dtype) {
        const std::vector<double> values =
            doubles_of(vs::convolutional_delta_orthogonal_initializer(2)(shape, dtype, seeds));
        const std::int64_t inputs = shape[shape.rank() - 2];
        const std::int64_t outputs = shape[shape.rank() - 1];
        const auto begin = values.begin() + centre * inputs * outputs;
        const Matrix tap{inputs, outputs, {begin, begin + inputs * outputs}};
        // x tap has twice the length of x: the rows are orthonormal.
        BOOST_TEST(deviation_from_orthogonal(transposed(tap), 2) < (dtype == vs::float64 ? 1e-13 : 1e-6));
        const auto others = std::count(values.begin(), values.end(), 0.0);
        BOOST_TEST(others == static_cast<std::ptrdiff_t>(values.size()) - inputs * outputs);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(identity) {
  for (const vs::Shape& shape : {vs::Shape{3, 3}, {2, 5}, {5, 2}, {1, 1}, {1, 4}, {0, 3}, {3, 0}}) {
    for (const vs::DType dtype : {vs::float32, vs::float64}) {
      BOOST_TEST_CONTEXT(shape.to_string() << " " << dtype) {
        const std::vector<double> values = doubles_of(vs::identity_initializer(2.5)(shape, dtype));
        for (std::int64_t row = 0; row < shape[0]; ++row) {
          for (std::int64_t column = 0; column < shape[1]; ++column) {
            BOOST_TEST(values[static_cast<std::size_t>(row * shape[1] + column)] ==
                       (row == column ? 2.5 : 0));
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_to_fill_is_filled) {
  BOOST_TEST(vs::orthogonal_initializer()({0, 3}).num_elements() == 0);
  BOOST_TEST(vs::orthogonal_initializer()({3, 0}).num_elements() == 0);
  BOOST_TEST(vs::convolutional_delta_orthogonal_initializer()({3, 0, 3}).num_elements() == 0);
  BOOST_TEST(vs::convolutional_delta_orthogonal_initializer()({0, 2, 3}).num_elements() == 0);
}

BOOST_AUTO_TEST_CASE(shapes_and_dtypes_that_they_refuse) {
  const auto refuses = [](const vs::Initializer& initializer, const vs::Shape& shape, vs::DType dtype,
                          const Names& facts) {
    BOOST_TEST_CONTEXT(shape.to_string() << " " << dtype) {
      BOOST_CHECK_EXCEPTION(initializer(shape, dtype), vs::ValueError, says(facts));
    }
  };
  const vs::Initializer orthogonal = vs::orthogonal_initializer();
  refuses(orthogonal, {}, vs::float32, {"orthogonal_initializer", "two or more dimensions", "[]"});
  refuses(orthogonal, {4}, vs::float64, {"orthogonal_initializer", "[4]"});
  refuses(orthogonal, {4, 4}, vs::int32, {"orthogonal_initializer", "int32"});
  const vs::Initializer delta = vs::convolutional_delta_orthogonal_initializer();
  refuses(delta, {3, 4}, vs::float32,
          {"convolutional_delta_orthogonal_initializer", "three to five", "[3,4]"});
  refuses(delta, {1, 1, 1, 1, 3, 4}, vs::float32, {"three to five"});
  refuses(delta, {3, 5, 4}, vs::float32, {"input channels", "[3,5,4]"});
  refuses(delta, {3, 3, 4}, vs::uint8, {"uint8"});
  const vs::Initializer identity = vs::identity_initializer();
  refuses(identity, {4}, vs::float32, {"identity_initializer", "two dimensions", "[4]"});
  refuses(identity, {2, 2, 2}, vs::float32, {"[2,2,2]"});
  refuses(identity, {2, 2}, vs::int64, {"int64"});
  refuses(vs::uniform_unit_scaling_initializer(), {2}, vs::int32, {"uniform_unit_scaling_initializer"});
  const double nan = std::nan("");
  BOOST_CHECK_THROW(vs::orthogonal_initializer(nan), vs::ValueError);
  BOOST_CHECK_THROW(vs::convolutional_delta_orthogonal_initializer(nan), vs::ValueError);
  BOOST_CHECK_THROW(vs::identity_initializer(nan), vs::ValueError);
  BOOST_CHECK_THROW(vs::uniform_unit_scaling_initializer(nan), vs::ValueError);
  BOOST_CHECK_THROW(vs::uniform_unit_scaling_initializer(-1), vs::ValueError);
}

BOOST_FIXTURE_TEST_CASE(variables_start_with_them, NewGraph) {
  const vs::Variable w = vs::get_variable("w", {4, 4}, {.initializer = vs::orthogonal_initializer(1, 3)});
  vs::get_variable("f", {3, 3, 2, 4}, {.initializer = vs::convolutional_delta_orthogonal_initializer()});
  vs::get_variable("i", {4, 4}, {.initializer = vs::identity_initializer()});
  vs::get_variable("u", {4, 4}, {.initializer = vs::uniform_unit_scaling_initializer()});
  for (const char* name : {"w/Initializer/mul_1", "f/Initializer/ScatterNd", "i/Initializer/mul",
                           "u/Initializer/random_uniform"}) {
    BOOST_TEST(has_op(name), name);
  }
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {4}, {.initializer = vs::orthogonal_initializer()}),
                        vs::ValueError, says({"[4]"}));
  BOOST_TEST(!has_op("v"));
  vs::Session session(graph);
  BOOST_TEST(
      session.read({w})[0].same_bits(vs::orthogonal_initializer()({4, 4}, vs::float32, w.record()->seeds())));
}

BOOST_AUTO_TEST_SUITE_END()
