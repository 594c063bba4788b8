// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>

BOOST_AUTO_TEST_SUITE(test_softmax)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

void check_values(const vs::Array& input, int axis) {
  const vs::Shape& shape = input.shape();
  Expected expected(shape);
  std::int64_t inner = 1;
  for (int after = axis + 1; after < shape.rank(); ++after) inner *= shape[after];
  const std::vector<double> values = to_doubles(input);
  const auto step = static_cast<std::size_t>(inner);
  const auto length = static_cast<std::size_t>(shape[axis]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t start = i / (step * length) * step * length + i % step;
    double largest = values[start];
    for (std::size_t row = 0; row < length; ++row) largest = std::max(largest, values[start + row * step]);
    double sum = 0;
    for (std::size_t row = 0; row < length; ++row) sum += std::exp(values[start + row * step] - largest);
    expected.values[i] = std::exp(values[i] - largest) / sum;
  }
  BOOST_TEST_CONTEXT(input.description() << " along axis " << axis) {
    // The rounding of x - m counts |x - m| times in the result: at most 40 here.
    on_every_instruction_set(
        {input},
        [&](const std::vector<vs::Tensor>& inputs) { return vs::softmax(inputs[0], {.axis = axis}); },
        [&](const vs::Array& result) { check_close(result, input.dtype(), expected, 50); });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64}) {
    for (int repetition = 0; repetition < 8; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(1, 4), 9);
      check_values(random_array(random, shape, dtype, -20, 20), random.integer(0, shape.rank() - 1));
    }
  }
  check_values(random_array(random, {70, 1000}, vs::float32, -20, 20), 1);
  check_values(random_array(random, {3, 50, 210}, vs::float32, -20, 20), 1);
}

BOOST_AUTO_TEST_CASE(large_logits_do_not_overflow) {
  const vs::Array logits = vs::Array::of<float>({1, 3}, {1000, 1000, -1000});
  on_every_instruction_set(
      {logits}, [](const std::vector<vs::Tensor>& inputs) { return vs::softmax(inputs[0]); },
      [](const vs::Array& result) {
        BOOST_TEST(result.values<float>()[0] == 0.5F);
        BOOST_TEST(result.values<float>()[1] == 0.5F);
        BOOST_TEST(result.values<float>()[2] == 0);
      });
  BOOST_TEST(evaluate({vs::Array({2, 0})},
                      [](const std::vector<vs::Tensor>& inputs) { return vs::softmax(inputs[0]); })
                 .shape()
                 .to_string() == "[2,0]");
}

BOOST_AUTO_TEST_CASE(names_and_errors_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  BOOST_TEST(vs::softmax(vs::placeholder({-1, 10})).op().name() == "Softmax");
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::softmax(vs::placeholder({2, 3}), {.axis = -3});
  });
  check_says(message, {"Softmax", "axis -3", "test_softmax.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([&] { vs::softmax(vs::placeholder({})); }), {"Softmax", "scalar"});
  check_says(message_of<vs::TypeError>([&] { vs::softmax(vs::placeholder({2}, {.dtype = vs::int32})); }),
             {"Softmax", "int32[2]"});
}

BOOST_AUTO_TEST_SUITE_END()
