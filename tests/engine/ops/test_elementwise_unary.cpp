// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(test_elementwise_unary)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

struct UnaryCase {
  const char* type;
  vs::Tensor (*build)(const vs::Tensor& x);
  double (*judge)(double x);
  double low;
  double high;
  bool integers;
  double epsilons;  // the bound that simd/elementwise.hpp promises, and half a unit for the test's own
};

const std::vector<UnaryCase> cases = {
    {"Neg", [](const vs::Tensor& x) { return vs::negative(x); }, [](double x) { return -x; }, -9, 9, true, 0},
    {"Abs", [](const vs::Tensor& x) { return vs::abs(x); }, [](double x) { return std::fabs(x); }, -9, 9,
     true, 0},
    {"Square", [](const vs::Tensor& x) { return vs::square(x); }, [](double x) { return x * x; }, -9, 9, true,
     1},
    {"Relu", [](const vs::Tensor& x) { return vs::relu(x); }, [](double x) { return x < 0 ? 0 : x; }, -9, 9,
     true, 0},
    {"Exp", [](const vs::Tensor& x) { return vs::exp(x); }, [](double x) { return std::exp(x); }, -80, 80,
     false, 3},
    {"Log", [](const vs::Tensor& x) { return vs::log(x); }, [](double x) { return std::log(x); }, 1e-3, 50,
     false, 3},
    {"Sqrt", [](const vs::Tensor& x) { return vs::sqrt(x); }, [](double x) { return std::sqrt(x); }, 0, 50,
     false, 1},
    {"Sigmoid", [](const vs::Tensor& x) { return vs::sigmoid(x); },
     [](double x) { return 1 / (1 + std::exp(-x)); }, -30, 30, false, 5},
    {"Tanh", [](const vs::Tensor& x) { return vs::tanh(x); }, [](double x) { return std::tanh(x); }, -8, 8,
     false, 5},
};

void check_values(const UnaryCase& unary, const vs::Array& input) {
  Expected expected(input.shape());
  const std::vector<double> values = to_doubles(input);
  for (std::size_t i = 0; i < values.size(); ++i) expected.values[i] = unary.judge(values[i]);
  on_every_instruction_set(
      {input}, [&](const std::vector<vs::Tensor>& x) { return unary.build(x[0]); },
      [&](const vs::Array& result) { check_close(result, input.dtype(), expected, unary.epsilons); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const UnaryCase& unary : cases) {
    for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
      if (!unary.integers && !vs::is_floating(dtype)) continue;
      for (int repetition = 0; repetition < 3; ++repetition) {
        BOOST_TEST_CONTEXT(unary.type << " of " << vs::dtype_name(dtype)) {
          const vs::Shape shape = random_shape(random, random.integer(0, 4), 7);
          check_values(unary, random_array(random, shape, dtype, unary.low, unary.high));
        }
      }
    }
    BOOST_TEST_CONTEXT("several tiles of " << unary.type) {
      check_values(unary, random_array(random, {3, 16 * 1024 + 5}, vs::float32, unary.low, unary.high));
      check_values(unary, vs::Array({0, 3}));
    }
  }
}

BOOST_AUTO_TEST_CASE(special_values_follow_ieee_754) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const vs::Array special =
      from_float64(vs::Array::of<double>({6}, {0.0, -0.0, infinity, -infinity, nan, -2.0}), vs::float32);
  for (const UnaryCase& unary : cases) {
    BOOST_TEST_CONTEXT(unary.type) {
      check_values(unary, special);
    }
  }
}

BOOST_AUTO_TEST_CASE(names_types_and_shapes_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({-1, 3});
  for (const UnaryCase& unary : cases) {
    const vs::Tensor y = unary.build(x);
    BOOST_TEST(y.op().name() == unary.type);
    BOOST_TEST(y.op().type() == unary.type);
    BOOST_TEST(y.shape().to_string() == "[?,3]");
  }
  BOOST_TEST((-x).op().name() == "Neg_1");
  BOOST_TEST(vs::relu(vs::placeholder()).shape().to_string() == "<unknown>");
  BOOST_TEST(vs::relu(x, "activation").op().name() == "activation");
}

BOOST_AUTO_TEST_CASE(a_wrong_dtype_is_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor integers = vs::placeholder({2}, {.dtype = vs::int32});
  const vs::Tensor truths = vs::placeholder({2}, {.dtype = vs::boolean});
  const auto operations = graph.operations().size();
  int line = 0;
  const std::string message = message_of<vs::TypeError>([&] {
    line = __LINE__ + 1;
    vs::exp(integers);
  });
  check_says(message, {"Exp", "test_elementwise_unary.cpp:" + std::to_string(line), "int32[2]", "float32"});
  check_says(message_of<vs::TypeError>([&] { vs::relu(truths); }), {"Relu", "bool[2]", "int64"});
  BOOST_TEST(graph.operations().size() == operations);
}

BOOST_AUTO_TEST_SUITE_END()
