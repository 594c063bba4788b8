// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(test_cast)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

const std::vector<vs::DType> all = {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean};

vs::Array cast_to(vs::DType dtype, const vs::Array& values) {
  return evaluate({values},
                  [&](const std::vector<vs::Tensor>& inputs) { return vs::cast(inputs[0], dtype); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_dtype_is_converted_to_every_other) {
  Random random;
  for (const vs::DType from : all) {
    for (const vs::DType to : all) {
      // Values that every dtype but bool has, with fractions where the source has them.
      const vs::Array values = random_array(random, {3, 7}, from, 0, from == vs::boolean ? 2 : 200);
      Expected expected(values.shape());
      expected.values = to_doubles(values);
      for (double& value : expected.values) {
        if (to == vs::boolean) {
          value = value != 0 ? 1 : 0;
        } else if (!vs::is_floating(to)) {
          value = std::trunc(value);
        }
      }
      BOOST_TEST_CONTEXT(vs::dtype_name(from) << " to " << vs::dtype_name(to)) {
        check_equal(cast_to(to, values), to, expected);
      }
    }
  }
  const vs::Array large = random_array(random, {50000}, vs::float32, -1000, 1000);
  BOOST_TEST(cast_to(vs::float64, large).values<double>()[49999] ==
             static_cast<double>(large.values<float>()[49999]));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_the_nearest_integer_that_does) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const vs::Array values = vs::Array::of<double>({6}, {infinity, -infinity, nan, 1e30, -1e30, -0.9});
  const vs::Array narrow = cast_to(vs::int32, values);
  const auto integers = narrow.values<std::int32_t>();
  BOOST_TEST(integers[0] == std::numeric_limits<std::int32_t>::max());
  BOOST_TEST(integers[1] == std::numeric_limits<std::int32_t>::min());
  BOOST_TEST(integers[2] == 0);
  BOOST_TEST(integers[3] == std::numeric_limits<std::int32_t>::max());
  BOOST_TEST(integers[4] == std::numeric_limits<std::int32_t>::min());
  BOOST_TEST(integers[5] == 0);
  const vs::Array wide = cast_to(vs::int64, values);
  BOOST_TEST(wide.values<std::int64_t>()[0] == std::numeric_limits<std::int64_t>::max());
  BOOST_TEST(wide.values<std::int64_t>()[4] == std::numeric_limits<std::int64_t>::min());
  const vs::Array bytes = cast_to(vs::uint8, values);
  BOOST_TEST(int{bytes.values<std::uint8_t>()[0]} == 255);
  BOOST_TEST(int{bytes.values<std::uint8_t>()[1]} == 0);
  const vs::Array wrapped = cast_to(vs::uint8, vs::Array::of<std::int32_t>({2}, {257, -1}));
  BOOST_TEST(int{wrapped.values<std::uint8_t>()[0]} == 1);
  BOOST_TEST(int{wrapped.values<std::uint8_t>()[1]} == 255);
}

BOOST_AUTO_TEST_CASE(a_cast_to_the_same_dtype_is_the_tensor_itself) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({-1, 5});
  BOOST_TEST((vs::cast(input, vs::float32) == input));
  BOOST_TEST(vs::cast(input, vs::int32).op().name() == "Cast");
  BOOST_TEST(vs::cast(input, vs::int32).shape().to_string() == "[?,5]");
}

BOOST_AUTO_TEST_SUITE_END()
