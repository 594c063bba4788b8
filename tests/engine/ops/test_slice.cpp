// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_slice)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

void check_values(const vs::Array& input, const std::vector<std::int64_t>& begin,
                  const std::vector<std::int64_t>& size) {
  const vs::Shape& in = input.shape();
  std::vector<std::int64_t> dimensions = size;
  for (std::size_t axis = 0; axis < size.size(); ++axis) {
    if (size[axis] == -1) dimensions[axis] = in[static_cast<int>(axis)] - begin[axis];
  }
  Expected expected{vs::Shape(dimensions)};
  const std::vector<double> values = to_doubles(input);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    std::int64_t at = 0;
    std::int64_t stride = 1;
    for (std::size_t axis = dimensions.size(); axis-- > 0;) {
      at += (begin[axis] + rest % dimensions[axis]) * stride;
      rest /= dimensions[axis];
      stride *= in[static_cast<int>(axis)];
    }
    expected.values[i] = values[static_cast<std::size_t>(at)];
  }
  BOOST_TEST_CONTEXT(input.description() << " to " << expected.shape.to_string()) {
    on_every_instruction_set(
        {input}, [&](const std::vector<vs::Tensor>& inputs) { return vs::slice(inputs[0], begin, size); },
        [&](const vs::Array& result) { check_equal(result, input.dtype(), expected); });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_are_those_of_the_block) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    for (int repetition = 0; repetition < 8; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(0, 4), 7);
      std::vector<std::int64_t> begin;
      std::vector<std::int64_t> size;
      for (const std::int64_t extent : shape.dimensions()) {
        begin.push_back(random.chance(0.4) ? 0 : random.integer<std::int64_t>(0, extent));
        size.push_back(random.chance(0.5) ? -1 : random.integer<std::int64_t>(0, extent - begin.back()));
      }
      check_values(random_array(random, shape, dtype, 0, 2), begin, size);
    }
  }
  check_values(random_array(random, {40, 50, 60}, vs::float32), {3, 2, 1}, {30, 40, 50});
}

BOOST_AUTO_TEST_CASE(names_shapes_and_errors_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({-1, 5});
  BOOST_TEST(vs::slice(input, {0, 1}, {-1, 3}).op().name() == "Slice");
  BOOST_TEST(vs::slice(input, {0, 1}, {-1, 3}).shape().to_string() == "[?,3]");
  BOOST_TEST(vs::slice(input, {0, 1}, {2, -1}).shape().to_string() == "[2,4]");
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::slice(input, {0, 4}, {1, 2});
  });
  check_says(message, {"Slice", "[?,5]", "dimension 1", "test_slice.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([&] { vs::slice(input, {0, -1}, {1, 2}); }), {"Slice", "-1"});
  check_says(message_of<vs::ValueError>([&] { vs::slice(input, {0}, {1}); }), {"Slice", "rank 1"});
  check_says(message_of<vs::ValueError>([&] { vs::slice(input, {0, 0}, {1}); }), {"Slice", "2", "1"});
}

BOOST_AUTO_TEST_SUITE_END()
