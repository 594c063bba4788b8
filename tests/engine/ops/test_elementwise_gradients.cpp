// SPDX-License-Identifier: Apache-2.0
// The rules of functions of each element, of one tensor and of two, against central differences.
#include "support/gradient_check.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <string>

BOOST_AUTO_TEST_SUITE(test_elementwise_gradients)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

using Tensors = std::vector<vs::Tensor>;

struct UnaryCase {
  const char* name;
  vs::Tensor (*build)(const vs::Tensor& x);
  double low;
  double high;
};

const std::vector<UnaryCase> unary_cases = {
    {"Neg", [](const vs::Tensor& x) { return vs::negative(x); }, -3, 3},
    {"Abs", [](const vs::Tensor& x) { return vs::abs(x); }, -3, 3},
    {"Square", [](const vs::Tensor& x) { return vs::square(x); }, -3, 3},
    {"Exp", [](const vs::Tensor& x) { return vs::exp(x); }, -2, 2},
    {"Log", [](const vs::Tensor& x) { return vs::log(x); }, 0.5, 4},
    {"Sqrt", [](const vs::Tensor& x) { return vs::sqrt(x); }, 0.5, 4},
    {"Relu", [](const vs::Tensor& x) { return vs::relu(x); }, -3, 3},
    {"Sigmoid", [](const vs::Tensor& x) { return vs::sigmoid(x); }, -4, 4},
    {"Tanh", [](const vs::Tensor& x) { return vs::tanh(x); }, -2, 2},
};

struct BinaryCase {
  const char* name;
  vs::Tensor (*build)(const vs::Tensor& x, const vs::Tensor& y);
};

const std::vector<BinaryCase> binary_cases = {
    {"Add", [](const vs::Tensor& x, const vs::Tensor& y) { return x + y; }},
    {"Sub", [](const vs::Tensor& x, const vs::Tensor& y) { return x - y; }},
    {"Mul", [](const vs::Tensor& x, const vs::Tensor& y) { return x * y; }},
    {"RealDiv", [](const vs::Tensor& x, const vs::Tensor& y) { return x / y; }},
    {"Div", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::div(x, y); }},
    {"Maximum", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::maximum(x, y); }},
    {"Minimum", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::minimum(x, y); }},
};

/// Random elements that keep away from zero, where some functions have no derivative.
vs::Array away_from_zero(vs::Array values) {
  for (double& value : values.values<double>()) {
    if (std::fabs(value) < 0.01) value = 0.5;
  }
  return values;
}

/// Two arrays whose elements are nowhere within 0.01 of each other, broadcast or not: one has whole numbers
/// and a quarter, the other whole numbers.
std::vector<vs::Array> apart(Random& random, const vs::Shape& x, const vs::Shape& y) {
  std::vector<vs::Array> arrays = {random_array(random, x, vs::float64, 1, 9),
                                   random_array(random, y, vs::float64, 1, 9)};
  for (double& value : arrays[0].values<double>()) value = std::floor(value) + 0.25;
  for (double& value : arrays[1].values<double>()) value = std::floor(value);
  return arrays;
}

/// `shape` as an operand of a broadcast: with some dimensions 1, or left away at the front.
vs::Shape broadcast_from(Random& random, const vs::Shape& shape) {
  std::vector<std::int64_t> dimensions = shape.dimensions();
  for (std::int64_t& dimension : dimensions) {
    if (random.chance(0.4)) dimension = 1;
  }
  const int missing = random.chance(0.4) ? random.integer(0, shape.rank()) : 0;
  return vs::Shape(std::vector<std::int64_t>(dimensions.begin() + missing, dimensions.end()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(functions_of_one_tensor_agree_with_differences) {
  Random random;
  for (const UnaryCase& unary : unary_cases) {
    for (int repetition = 0; repetition < 3; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(0, 3), 5);
      BOOST_TEST_CONTEXT(unary.name << " of " << shape.to_string()) {
        check_gradients({away_from_zero(random_array(random, shape, vs::float64, unary.low, unary.high))},
                        [&](const Tensors& x) { return unary.build(x[0]); });
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(functions_of_one_tensor_have_second_derivatives) {
  Random random(1);
  for (const UnaryCase& unary : unary_cases) {
    BOOST_TEST_CONTEXT("the derivative of " << unary.name) {
      check_gradients({away_from_zero(random_array(random, {2, 3}, vs::float64, unary.low, unary.high))},
                      [&](const Tensors& x) {
                        // A factor, so that the second derivative is not that of a sum of ones.
                        return vs::gradients({vs::square(unary.build(x[0]))}, {x[0]})[0];
                      });
    }
  }
}

BOOST_AUTO_TEST_CASE(long_tensors_agree_in_both_dtypes) {
  Random random(2);
  for (const UnaryCase& unary : unary_cases) {
    BOOST_TEST_CONTEXT(unary.name) {
      const vs::Array x = random_array(random, {3, 7001}, vs::float32, unary.low, unary.high);
      const vs::Array weights = random_array(random, {3, 7001}, vs::float64);
      vs::Array wide(x.shape(), vs::float64);
      const std::vector<double> elements = to_doubles(x);
      std::copy(elements.begin(), elements.end(), wide.values<double>().begin());
      const auto build = [&](const Tensors& inputs) { return unary.build(inputs[0]); };
      Expected expected(x.shape());
      expected.values = to_doubles(weighted_gradients({wide}, build, weights)[0]);
      for (double& magnitude : expected.magnitudes) magnitude = 1;
      check_close(weighted_gradients({x}, build, weights)[0], vs::float32, expected, 20);
    }
  }
}

BOOST_AUTO_TEST_CASE(functions_of_two_tensors_agree_with_differences) {
  Random random(3);
  for (const BinaryCase& binary : binary_cases) {
    for (int repetition = 0; repetition < 6; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(0, 3), 4);
      const vs::Shape x = repetition < 2 ? shape : broadcast_from(random, shape);
      const vs::Shape y = repetition < 4 ? broadcast_from(random, shape) : shape;
      BOOST_TEST_CONTEXT(binary.name << " of " << x.to_string() << " and " << y.to_string()) {
        check_gradients(apart(random, x, y),
                        [&](const Tensors& inputs) { return binary.build(inputs[0], inputs[1]); });
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(functions_of_two_tensors_have_second_derivatives) {
  Random random(4);
  for (const BinaryCase& binary : binary_cases) {
    BOOST_TEST_CONTEXT("the derivative of " << binary.name) {
      check_gradients(apart(random, {2, 1, 3}, {4, 1}), [&](const Tensors& inputs) {
        const vs::Tensor loss = vs::square(binary.build(inputs[0], inputs[1]));
        const Tensors of = vs::gradients({loss}, inputs);
        return of[0] * vs::reduce_sum(of[1]);
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_bias_gets_the_sum_over_all_other_dimensions) {
  Random random(5);
  for (int repetition = 0; repetition < 4; ++repetition) {
    const vs::Shape value = random_shape(random, random.integer(2, 4), 4);
    const vs::Shape bias{value[value.rank() - 1]};
    BOOST_TEST_CONTEXT("bias_add of " << value.to_string()) {
      check_gradients({random_array(random, value, vs::float64), random_array(random, bias, vs::float64)},
                      [](const Tensors& inputs) { return vs::square(vs::bias_add(inputs[0], inputs[1])); });
    }
  }
}

BOOST_AUTO_TEST_CASE(one_tensor_as_both_operands_gets_both_gradients) {
  Random random(6);
  for (const BinaryCase& binary : binary_cases) {
    if (std::string(binary.name).find("imum") != std::string::npos) continue;  // no derivative there
    BOOST_TEST_CONTEXT(binary.name) {
      check_gradients({random_array(random, {2, 3}, vs::float64, 1, 2)},
                      [&](const Tensors& inputs) { return binary.build(inputs[0], inputs[0]); });
    }
  }
}

BOOST_AUTO_TEST_CASE(sums_of_many_agree_with_differences) {
  Random random(7);
  check_gradients({random_array(random, {3, 2}, vs::float64), random_array(random, {3, 2}, vs::float64)},
                  [](const Tensors& inputs) {
                    return vs::square(vs::add_n({inputs[0], inputs[1], inputs[0]}));
                  });
}

BOOST_AUTO_TEST_CASE(where_there_is_no_derivative_tensorflow_s_choice_is_made) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const vs::Array x = vs::Array::of<double>({4}, {0, 1, -0.0, nan});
  const vs::Array y = vs::Array::of<double>({4}, {0, 1, 0, 1});
  const vs::Array weights = vs::Array::of<double>({4}, {3, 4, 5, 6});
  const auto one = [&](const Build& build) { return to_doubles(weighted_gradients({x}, build, weights)[0]); };
  const std::vector<double> relu = one([](const Tensors& inputs) { return vs::relu(inputs[0]); });
  BOOST_TEST(relu[0] == 0);
  BOOST_TEST(relu[1] == 4);
  BOOST_TEST(relu[2] == 0);
  const std::vector<double> abs = one([](const Tensors& inputs) { return vs::abs(inputs[0]); });
  BOOST_TEST(abs[0] == 0);
  BOOST_TEST(abs[2] == 0);
  BOOST_TEST(std::isnan(abs[3]));
  for (const auto choose : {&vs::maximum, &vs::minimum}) {
    const std::vector<vs::Array> of = weighted_gradients(
        {x, y}, [&](const Tensors& inputs) { return choose(inputs[0], inputs[1], {}, vs::SourceLocation()); },
        weights);
    BOOST_TEST(of[0].same_bits(vs::Array::of<double>({4}, {3, 4, 5, 0})));  // x where equal, y beside NaN
    BOOST_TEST(of[1].same_bits(vs::Array::of<double>({4}, {0, 0, 0, 6})));
  }
}

BOOST_AUTO_TEST_CASE(types_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({-1, 3});
  const auto type = [&](const vs::Tensor& y) { return std::string(vs::gradients({y}, {x})[0].op().type()); };
  BOOST_TEST(type(vs::relu(x)) == "ReluGrad");
  BOOST_TEST(type(vs::sigmoid(x)) == "SigmoidGrad");
  BOOST_TEST(type(vs::tanh(x)) == "TanhGrad");
  BOOST_TEST(type(vs::sqrt(x)) == "SqrtGrad");
  BOOST_TEST(type(vs::exp(x)) == "Mul");
  BOOST_TEST(type(vs::log(x)) == "RealDiv");
  BOOST_TEST(vs::gradients({vs::relu(x, "r")}, {x}, {.name = "g"})[0].op().name() == "g/r_grad/ReluGrad");
}

BOOST_AUTO_TEST_CASE(operands_that_surely_were_not_repeated_need_no_sum) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, 4});
  const vs::Tensor bias = vs::placeholder({4});
  const std::vector<vs::Tensor> of = vs::gradients({image + bias}, {image, bias});
  BOOST_TEST(of[0].op().type() == "OnesLike");
  BOOST_TEST(of[1].op().type() == "SumToShape");
  BOOST_TEST(of[1].op().inputs().size() == 1U);
  // Two unknown batch sizes could be 1 and something else.
  const vs::Tensor other = vs::placeholder({-1, 8, 8, 4});
  BOOST_TEST(vs::gradients({image * other}, {image})[0].op().type() == "SumToShape");
}

BOOST_AUTO_TEST_SUITE_END()
