// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(test_argmax)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

void check_values(const vs::Array& input, int axis, vs::DType output_type) {
  const vs::Shape& shape = input.shape();
  std::vector<std::int64_t> kept = shape.dimensions();
  kept.erase(kept.begin() + axis);
  Expected expected{vs::Shape(kept)};
  std::int64_t inner = 1;
  for (int after = axis + 1; after < shape.rank(); ++after) inner *= shape[after];
  const std::vector<double> values = to_doubles(input);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const std::int64_t start = index / inner * shape[axis] * inner + index % inner;
    double largest = values[static_cast<std::size_t>(start)];
    for (std::int64_t row = 1; row < shape[axis]; ++row) {
      const double candidate = values[static_cast<std::size_t>(start + row * inner)];
      if (!(candidate > largest)) continue;
      largest = candidate;
      expected.values[i] = static_cast<double>(row);
    }
  }
  BOOST_TEST_CONTEXT(input.description() << " along axis " << axis) {
    on_every_instruction_set(
        {input},
        [&](const std::vector<vs::Tensor>& inputs) {
          return vs::argmax(inputs[0], {.axis = axis, .output_type = output_type});
        },
        [&](const vs::Array& result) { check_equal(result, output_type, expected); });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(indices_agree_with_a_plain_search) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
    for (int repetition = 0; repetition < 8; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(1, 4), 9);
      const int axis = random.integer(0, shape.rank() - 1);
      // Few different values, so that many are equal and the first must be found.
      const vs::Array input = random_array(random, shape, repetition % 2 == 0 ? vs::int32 : dtype, 0, 4);
      check_values(input, axis, repetition % 3 == 0 ? vs::int32 : vs::int64);
    }
  }
  check_values(random_array(random, {300, 211}, vs::float32), 1, vs::int64);
  check_values(random_array(random, {300, 211}, vs::float32), 0, vs::int64);
  check_values(random_array(random, {70000}, vs::float32), 0, vs::int64);
  check_values(vs::Array({0, 3}), 1, vs::int64);
  check_values(vs::Array({3, 0}), 0, vs::int64);
}

BOOST_AUTO_TEST_CASE(the_first_nan_is_the_largest) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const vs::Array values = vs::Array::of<float>({2, 4}, {1, nan, 9, nan, nan, 5, 6, 7});
  on_every_instruction_set(
      {values}, [](const std::vector<vs::Tensor>& inputs) { return vs::argmax(inputs[0], {.axis = 1}); },
      [](const vs::Array& result) {
        BOOST_TEST(result.values<std::int64_t>()[0] == 1);
        BOOST_TEST(result.values<std::int64_t>()[1] == 0);
      });
}

BOOST_AUTO_TEST_CASE(shapes_and_errors_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({-1, 3, 4});
  BOOST_TEST(vs::argmax(input, {.axis = -2}).shape().to_string() == "[?,4]");
  BOOST_TEST(vs::argmax(input).op().name() == "ArgMax_1");
  BOOST_TEST(vs::dtype_name(vs::argmax(input).dtype()) == "int64");
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::argmax(input, {.axis = 3});
  });
  check_says(message, {"ArgMax", "axis 3", "test_argmax.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([&] {
               vs::argmax(vs::placeholder({2, 0}), {.axis = 1});
             }),
             {"ArgMax", "[2,0]", "no largest element"});
  check_says(message_of<vs::TypeError>([&] { vs::argmax(input, {.output_type = vs::float32}); }),
             {"ArgMax", "output_type", "float32"});
}

BOOST_AUTO_TEST_SUITE_END()
