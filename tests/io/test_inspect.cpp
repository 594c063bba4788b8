// SPDX-License-Identifier: Apache-2.0
#include "io/named_arrays.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/error.hpp>
#include <varscope/inspect.hpp>

#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(test_inspect)

using namespace varscope;
using namespace varscope::testing;

namespace {

VariableStatistics statistics_of(const Array& array) {
  const TemporaryDirectory directory;
  const NamedArrays variables = {{"v", array}};
  write_checkpoint(directory / "a.h5", variables);
  return variable_statistics(CheckpointReader(directory / "a.h5"), "v");
}

void check_range(const VariableStatistics& statistics, double min, double max, double mean) {
  BOOST_TEST(statistics.min == min);
  BOOST_TEST(statistics.max == max);
  BOOST_TEST(statistics.mean == mean);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_dtype_has_statistics) {
  const bool flags[] = {true, false, true, true};
  check_range(statistics_of(Array::of<float>({2, 2}, {1, -3, 2, 4})), -3, 4, 1);
  check_range(statistics_of(Array::of<double>({2}, {1e300, -1e300})), -1e300, 1e300, 0);
  check_range(statistics_of(Array::of<std::int32_t>({3}, {-5, 6, 2})), -5, 6, 1);
  check_range(statistics_of(Array::scalar<std::int64_t>(-7)), -7, -7, -7);
  check_range(statistics_of(Array::of<std::uint8_t>({2}, {255, 0})), 0, 255, 127.5);
  check_range(statistics_of(Array::of<bool>({4}, std::span<const bool>(flags))), 0, 1, 0.75);
}

BOOST_AUTO_TEST_CASE(what_is_no_number_is_counted) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const VariableStatistics mixed = statistics_of(Array::of<float>({4}, {nan, 2, nan, 4}));
  check_range(mixed, 2, 4, 3);
  BOOST_TEST(mixed.elements == 4);
  BOOST_TEST(mixed.nans == 2);
  const VariableStatistics infinite = statistics_of(Array::of<float>({3}, {1, -infinity, 2}));
  check_range(infinite, -infinity, 2, -infinity);
  BOOST_TEST(infinite.infinities == 1);
  BOOST_TEST(std::isnan(statistics_of(Array::of<float>({1}, {nan})).mean));
  const VariableStatistics empty = statistics_of(Array(Shape{0, 3}));
  BOOST_TEST(std::isnan(empty.min));
  BOOST_TEST(empty.elements == 0);
}

BOOST_AUTO_TEST_CASE(large_variables_are_summed_in_pieces) {
  Random random;
  Array array(Shape{777, 1001}, float32);
  double sum = 0;
  for (float& value : array.values<float>()) {
    value = random.uniform(-1, 1);
    sum += static_cast<double>(value);
  }
  const VariableStatistics statistics = statistics_of(array);
  BOOST_TEST(statistics.elements == 777 * 1001);
  // The sums are taken in another order; each addition rounds by at most half a unit of a sum below 1e6.
  BOOST_TEST(std::abs(statistics.mean * 777 * 1001 - sum) <
             1e6 * 1e6 * std::numeric_limits<double>::epsilon());
}

BOOST_AUTO_TEST_CASE(damage_and_missing_names_are_errors) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "a.h5", one_of_each());
  BOOST_CHECK_THROW(variable_statistics(CheckpointReader(directory / "a.h5"), "nothing"), NotFoundError);
  std::string bytes = read_file(directory / "a.h5");
  bytes[CheckpointReader(directory / "a.h5").entry("pixels").offset] ^= 1;
  write_file(directory / "a.h5", bytes);
  BOOST_CHECK_THROW(variable_statistics(CheckpointReader(directory / "a.h5"), "pixels"), DataLossError);
}

BOOST_AUTO_TEST_SUITE_END()
