// SPDX-License-Identifier: Apache-2.0
#include "support/judge.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace varscope::testing {

namespace {

template <typename T>
std::vector<double> doubles_of(const Array& array) {
  std::vector<double> result;
  for (const T value : array.values<T>()) result.push_back(static_cast<double>(value));
  return result;
}

template <typename T>
Array array_of(const Array& values) {
  Array result(values.shape(), dtype_of<T>);
  const auto from = values.values<double>();
  for (std::size_t i = 0; i < from.size(); ++i) result.values<T>()[i] = static_cast<T>(from[i]);
  return result;
}

bool close(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <= tolerance;
}

}  // namespace

std::vector<double> to_doubles(const Array& array) {
  switch (array.dtype()) {
    case DType::float32:
      return doubles_of<float>(array);
    case DType::float64:
      return doubles_of<double>(array);
    case DType::int32:
      return doubles_of<std::int32_t>(array);
    case DType::int64:
      return doubles_of<std::int64_t>(array);
    case DType::uint8:
      return doubles_of<std::uint8_t>(array);
    case DType::boolean:
      return doubles_of<bool>(array);
  }
  return {};
}

Array from_float64(const Array& values, DType dtype) {
  switch (dtype) {
    case DType::float32:
      return array_of<float>(values);
    case DType::float64:
      return values;
    case DType::int32:
      return array_of<std::int32_t>(values);
    case DType::int64:
      return array_of<std::int64_t>(values);
    case DType::uint8:
      return array_of<std::uint8_t>(values);
    case DType::boolean:
      return array_of<bool>(values);
  }
  return values;
}

void check_close(const Array& actual, DType dtype, const Expected& expected, double epsilons) {
  BOOST_TEST_REQUIRE(dtype_name(actual.dtype()) == dtype_name(dtype));
  BOOST_TEST_REQUIRE(actual.shape().to_string() == expected.shape.to_string());
  const double epsilon = dtype == DType::float32   ? std::numeric_limits<float>::epsilon()
                         : dtype == DType::float64 ? std::numeric_limits<double>::epsilon()
                                                   : 0;
  const double smallest = dtype == DType::float32   ? std::numeric_limits<float>::min()
                          : dtype == DType::float64 ? std::numeric_limits<double>::min()
                                                    : 0;
  const std::vector<double> values = to_doubles(actual);
  std::size_t wrong = 0;
  std::string first;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double scale = std::max(std::fabs(expected.values[i]), expected.magnitudes[i]);
    const double tolerance = epsilons * (epsilon * scale + smallest);
    if (close(values[i], expected.values[i], tolerance)) continue;
    if (wrong++ == 0) {
      first = "element " + std::to_string(i) + " is " + std::to_string(values[i]) + " instead of " +
              std::to_string(expected.values[i]) + ", off by " +
              std::to_string(std::fabs(values[i] - expected.values[i]) / (tolerance / epsilons)) +
              " epsilons";
    }
  }
  BOOST_TEST(wrong == 0U, wrong << " of " << values.size() << " elements are wrong; " << first);
}

void check_equal(const Array& actual, DType dtype, const Expected& expected) {
  Array rounded(expected.shape, DType::float64);
  std::copy(expected.values.begin(), expected.values.end(), rounded.values<double>().begin());
  Expected exact(expected.shape);
  exact.values = to_doubles(from_float64(rounded, dtype));
  check_close(actual, dtype, exact, 0);
}

}  // namespace varscope::testing
