// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_pad)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

void check_values(const vs::Array& input, const std::vector<vs::PadWidths>& paddings, double constant) {
  const vs::Shape& in = input.shape();
  std::vector<std::int64_t> dimensions;
  for (int axis = 0; axis < in.rank(); ++axis) {
    const vs::PadWidths& widths = paddings[static_cast<std::size_t>(axis)];
    dimensions.push_back(widths.before + in[axis] + widths.after);
  }
  Expected expected{vs::Shape(dimensions)};
  const std::vector<double> values = to_doubles(input);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    std::int64_t at = 0;
    std::int64_t stride = 1;
    bool inside = true;
    for (std::size_t axis = dimensions.size(); axis-- > 0;) {
      const std::int64_t extent = in[static_cast<int>(axis)];
      const std::int64_t index = rest % dimensions[axis] - paddings[axis].before;
      inside = inside && index >= 0 && index < extent;
      at += index * stride;
      rest /= dimensions[axis];
      stride *= extent;
    }
    expected.values[i] = inside ? values[static_cast<std::size_t>(at)] : constant;
  }
  BOOST_TEST_CONTEXT(input.description() << " to " << expected.shape.to_string()) {
    on_every_instruction_set(
        {input},
        [&](const std::vector<vs::Tensor>& inputs) {
          return vs::pad(inputs[0], paddings, {.constant_value = constant});
        },
        [&](const vs::Array& result) { check_equal(result, input.dtype(), expected); });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_are_surrounded_by_the_constant) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    for (int repetition = 0; repetition < 8; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(0, 4), 5);
      std::vector<vs::PadWidths> paddings;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        paddings.push_back(random.chance(0.4) ? vs::PadWidths{}
                                              : vs::PadWidths{random.integer(0, 3), random.integer(0, 3)});
      }
      check_values(random_array(random, shape, dtype, 0, 2), paddings, random.chance(0.5) ? 0 : 1);
    }
  }
  check_values(random_array(random, {2, 50, 51, 8}, vs::float32), {{0, 0}, {2, 1}, {3, 2}, {0, 0}}, -2.5);
  check_values(vs::Array({0, 2}), {{1, 1}, {0, 1}}, 7);
}

BOOST_AUTO_TEST_CASE(names_shapes_and_errors_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({-1, 5});
  BOOST_TEST(vs::pad(input, {{0, 1}, {2, 3}}).op().name() == "Pad");
  BOOST_TEST(vs::pad(input, {{0, 1}, {2, 3}}).shape().to_string() == "[?,10]");
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::pad(input, {{0, 1}, {-2, 3}});
  });
  check_says(message, {"Pad", "dimension 1", "-2", "test_pad.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([&] { vs::pad(input, {{0, 1}}); }), {"Pad", "[?,5]", "rank 1"});
}

BOOST_AUTO_TEST_SUITE_END()
