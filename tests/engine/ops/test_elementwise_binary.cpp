// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(test_elementwise_binary)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

struct BinaryCase {
  const char* name;
  vs::Tensor (*build)(const vs::Tensor& x, const vs::Tensor& y);
  double (*judge)(double x, double y);
};

double larger(double x, double y) {
  return std::isnan(x) || x > y ? x : y;
}
double smaller(double x, double y) {
  return std::isnan(x) || x < y ? x : y;
}

const std::vector<BinaryCase> cases = {
    {"Add", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::add(x, y); },
     [](double x, double y) { return x + y; }},
    {"Sub", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::subtract(x, y); },
     [](double x, double y) { return x - y; }},
    {"Mul", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::multiply(x, y); },
     [](double x, double y) { return x * y; }},
    {"div", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::div(x, y); },
     [](double x, double y) { return x / y; }},
    {"Maximum", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::maximum(x, y); }, larger},
    {"Minimum", [](const vs::Tensor& x, const vs::Tensor& y) { return vs::minimum(x, y); }, smaller},
};

/// Two shapes that broadcast: one of which any dimension may be 1 or missing in front.
std::pair<vs::Shape, vs::Shape> broadcastable(Random& random) {
  const vs::Shape full = random_shape(random, random.integer(0, 4), 6);
  std::vector<std::int64_t> x = full.dimensions();
  std::vector<std::int64_t> y = full.dimensions();
  for (std::int64_t& dimension : x) dimension = random.integer(0, 3) == 0 ? 1 : dimension;
  for (std::int64_t& dimension : y) dimension = random.integer(0, 3) == 0 ? 1 : dimension;
  std::vector<std::int64_t>& shorter = random.chance(0.5) ? x : y;
  const auto missing = random.integer<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(shorter.size()));
  shorter.erase(shorter.begin(), shorter.begin() + missing);
  return {vs::Shape(x), vs::Shape(y)};
}

/// Index in an operand of element `index` of the result, by the rule of numpy.
std::size_t operand_index(const vs::Shape& result, std::size_t index, const vs::Shape& operand) {
  std::size_t offset = 0;
  std::size_t stride = 1;
  for (int axis = 1; axis <= result.rank(); ++axis) {
    const auto extent = static_cast<std::size_t>(result[result.rank() - axis]);
    const std::size_t here = index % extent;
    index /= extent;
    if (axis > operand.rank()) continue;
    const auto own = static_cast<std::size_t>(operand[operand.rank() - axis]);
    offset += own == 1 ? 0 : here * stride;
    stride *= own;
  }
  return offset;
}

Expected judge(const BinaryCase& binary, const vs::Array& x, const vs::Array& y) {
  const int rank = std::max(x.shape().rank(), y.shape().rank());
  std::vector<std::int64_t> dimensions(static_cast<std::size_t>(rank), 1);
  for (const vs::Shape& shape : {x.shape(), y.shape()}) {
    for (int axis = 1; axis <= shape.rank(); ++axis) {
      std::int64_t& dimension = dimensions[static_cast<std::size_t>(rank - axis)];
      if (shape[shape.rank() - axis] != 1) dimension = shape[shape.rank() - axis];
    }
  }
  Expected expected{vs::Shape(dimensions)};
  const std::vector<double> of_x = to_doubles(x);
  const std::vector<double> of_y = to_doubles(y);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    expected.values[i] = binary.judge(of_x[operand_index(expected.shape, i, x.shape())],
                                      of_y[operand_index(expected.shape, i, y.shape())]);
  }
  return expected;
}

void check_values(const BinaryCase& binary, const vs::Array& x, const vs::Array& y) {
  Expected expected = judge(binary, x, y);
  if (!vs::is_floating(x.dtype())) {
    for (double& value : expected.values) value = std::trunc(value);
  }
  BOOST_TEST_CONTEXT(binary.name << " of " << x.description() << " and " << y.description()) {
    on_every_instruction_set(
        {x, y}, [&](const std::vector<vs::Tensor>& inputs) { return binary.build(inputs[0], inputs[1]); },
        [&](const vs::Array& result) {
          if (x.dtype() == vs::float64) {
            check_close(result, x.dtype(), expected, 1);
          } else {
            check_equal(result, x.dtype(), expected);  // correctly rounded
          }
        });
  }
}

vs::Array nonzero(Random& random, const vs::Shape& shape, vs::DType dtype) {
  vs::Array values = random_array(random, shape, dtype, 1, 9);
  return random.chance(0.5) ? values
                            : evaluate({values}, [](const std::vector<vs::Tensor>& x) { return -x[0]; });
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const BinaryCase& binary : cases) {
    for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
      for (int repetition = 0; repetition < 6; ++repetition) {
        const auto [x, y] = broadcastable(random);
        check_values(binary, random_array(random, x, dtype, -9, 9), nonzero(random, y, dtype));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(several_tiles_broadcast_alike) {
  Random random;

  const vs::Array image = random_array(random, {2, 40, 31, 33}, vs::float32);
  for (const vs::Shape& other : {vs::Shape{33}, vs::Shape{}, vs::Shape{40, 1, 33}, vs::Shape{2, 40, 31, 1},
                                 vs::Shape{2, 40, 31, 33}, vs::Shape{1, 31, 1}}) {
    check_values(cases[0], image, random_array(random, other, vs::float32));
    check_values(cases[1], random_array(random, other, vs::float32), image);
  }
  check_values(cases[0], vs::Array({0, 3}), vs::Array({3}));
  check_values(cases[2], vs::Array({4, 1}), vs::Array({1, 0}));
}

BOOST_AUTO_TEST_CASE(nan_and_infinities_follow_ieee_754) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const vs::Array x = vs::Array::of<float>({6}, {nan, 1, 0, -1, infinity, 0});
  const vs::Array y = vs::Array::of<float>({6}, {1, nan, 0, 0, infinity, -1});
  for (const BinaryCase& binary : cases) check_values(binary, x, y);
}

BOOST_AUTO_TEST_CASE(bytes_wrap) {
  using boost::test_tools::per_element;
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::constant(vs::Array::of<std::uint8_t>({2}, {250, 3}));
  const vs::Tensor y = vs::constant(vs::Array::of<std::uint8_t>({2}, {10, 5}));
  vs::Session session(graph);
  BOOST_TEST(session.run(x + y).values<std::uint8_t>() == (std::vector<std::uint8_t>{4, 8}), per_element());
  BOOST_TEST(session.run(y - x).values<std::uint8_t>() == (std::vector<std::uint8_t>{16, 2}), per_element());
  BOOST_TEST(session.run(x * y).values<std::uint8_t>() == (std::vector<std::uint8_t>{196, 15}),
             per_element());
  BOOST_TEST(session.run(vs::relu(x)).values<std::uint8_t>() == (std::vector<std::uint8_t>{250, 3}),
             per_element());
  const vs::Tensor image = vs::reshape(x, {1, 1, 2, 1});
  BOOST_TEST(session.run(vs::max_pool(image, {.ksize = {1, 1, 2, 1}, .strides = {1, 1, 2, 1}})).item() ==
             250);
}

BOOST_AUTO_TEST_CASE(true_division_of_integers_gives_float64) {
  const vs::Array x = vs::Array::of<std::int32_t>({4}, {7, -7, 1, 0});
  const vs::Array y = vs::Array::of<std::int32_t>({4}, {2, 2, 3, 0});
  const vs::Array result =
      evaluate({x, y}, [](const std::vector<vs::Tensor>& inputs) { return inputs[0] / inputs[1]; });
  BOOST_TEST_REQUIRE(vs::dtype_name(result.dtype()) == "float64");
  BOOST_TEST(result.values<double>()[0] == 3.5);
  BOOST_TEST(result.values<double>()[1] == -3.5);
  BOOST_TEST(result.values<double>()[2] == 1.0 / 3.0);
  BOOST_TEST(std::isnan(result.values<double>()[3]));
}

BOOST_AUTO_TEST_CASE(integers_wrap_around_and_do_not_divide_by_zero) {
  const std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
  const vs::Array x = vs::Array::of<std::int32_t>({2}, {lowest, 7});
  const vs::Array minus_one = vs::Array::of<std::int32_t>({2}, {-1, -1});
  const auto quotient = [](const std::vector<vs::Tensor>& inputs) { return vs::div(inputs[0], inputs[1]); };
  BOOST_TEST(evaluate({x, minus_one}, quotient).values<std::int32_t>()[0] == lowest);
  for (const vs::Array& zero :
       {vs::Array::of<std::int32_t>({2}, {1, 0}), vs::Array::scalar<std::int32_t>(0)}) {
    int line = 0;
    const std::string message = message_of<vs::InvalidArgumentError>([&] {
      evaluate({x, zero}, [&](const std::vector<vs::Tensor>& inputs) {
        line = __LINE__ + 1;
        return vs::div(inputs[0], inputs[1], "quotient");
      });
    });
    check_says(message,
               {"quotient", "division by zero", "test_elementwise_binary.cpp:" + std::to_string(line)});
  }
}

BOOST_AUTO_TEST_CASE(operators_have_the_names_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({2});
  const vs::Variable v = vs::get_variable("v", {2});
  BOOST_TEST((x + v).op().name() == "add");
  BOOST_TEST((v - x).op().name() == "sub");
  BOOST_TEST((v * v).op().name() == "mul");
  BOOST_TEST((x / 2.0).op().name() == "truediv");
  BOOST_TEST(graph.get_operation_by_name("truediv/y").type() == "Const");
  BOOST_TEST((1 - x).op().name() == "sub_1");
  BOOST_TEST(graph.get_operation_by_name("sub_1/x").type() == "Const");
  BOOST_TEST((vs::Array({2}) + x).op().name() == "add_1");
  BOOST_TEST((x * x).op().type() == "Mul");
  BOOST_TEST(vs::divide(x, x).op().name() == "truediv_1");
  for (const BinaryCase& binary : cases) {
    vs::Graph other;
    const auto building_other = other.as_default();
    const vs::Tensor y = vs::placeholder({2});
    BOOST_TEST(binary.build(y, y).op().name() == binary.name);
  }
}

BOOST_AUTO_TEST_CASE(shapes_that_are_partly_known_broadcast_as_in_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const auto sum = [](vs::Shape x, vs::Shape y) {
    return (vs::placeholder(std::move(x)) + vs::placeholder(std::move(y))).shape().to_string();
  };
  BOOST_TEST(sum({-1, 3}, {3}) == "[?,3]");
  BOOST_TEST(sum({-1, 3}, {2, 1}) == "[2,3]");
  BOOST_TEST(sum({-1}, {1}) == "[?]");
  BOOST_TEST(sum({-1, 1}, {-1, 4}) == "[?,4]");
  BOOST_TEST(sum({}, {2, 2}) == "[2,2]");
  BOOST_TEST(sum(vs::Shape::unknown(), {2}) == "<unknown>");
}

BOOST_AUTO_TEST_CASE(operands_that_do_not_fit_are_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({2, 3}, {.name = "x"});
  const vs::Tensor integers = vs::placeholder({2, 3}, {.dtype = vs::int32});
  const auto operations = graph.operations().size();
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    x + vs::placeholder({2, 4});
  });
  check_says(message, {"add", "[2,3]", "[2,4]", "test_elementwise_binary.cpp:" + std::to_string(line)});
  check_says(message_of<vs::TypeError>([&] { vs::maximum(x, integers); }),
             {"Maximum", "float32[2,3]", "int32[2,3]", "test_elementwise_binary.cpp:"});
  check_says(message_of<vs::TypeError>([&] { integers * 1.5; }), {"mul", "1.5", "int32"});
  BOOST_TEST(graph.operations().size() == operations + 1);  // the placeholder
}

BOOST_AUTO_TEST_CASE(bias_add_adds_along_the_last_dimension) {
  Random random;
  const BinaryCase bias_add = {"BiasAdd",
                               [](const vs::Tensor& x, const vs::Tensor& y) { return vs::bias_add(x, y); },
                               [](double x, double y) { return x + y; }};
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
    const vs::Shape shape = random_shape(random, random.integer(2, 5), 9);
    check_values(bias_add, random_array(random, shape, dtype, -9, 9),
                 random_array(random, {shape[shape.rank() - 1]}, dtype, -9, 9));
  }
}

BOOST_AUTO_TEST_CASE(bias_add_checks_its_shapes) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, 4});
  BOOST_TEST(vs::bias_add(image, vs::placeholder({4})).op().name() == "BiasAdd");
  BOOST_TEST(vs::bias_add(vs::placeholder({2, -1}), vs::placeholder({4})).shape().to_string() == "[2,4]");
  check_says(message_of<vs::ValueError>([&] { vs::bias_add(image, vs::placeholder({5})); }),
             {"BiasAdd", "[?,8,8,4]", "[5]", "test_elementwise_binary.cpp:"});
  check_says(message_of<vs::ValueError>([&] {
               vs::bias_add(image, vs::placeholder({1, 4}));
             }),
             {"BiasAdd", "'bias'", "rank 1"});
  check_says(message_of<vs::ValueError>([&] { vs::bias_add(vs::placeholder({4}), vs::placeholder({4})); }),
             {"BiasAdd", "'value'", "rank 2"});
}

BOOST_AUTO_TEST_SUITE_END()
