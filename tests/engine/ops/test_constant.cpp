// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_constant)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

vs::Array value_of(const vs::Tensor& tensor) {
  return vs::Session(tensor.graph()).run(tensor);
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_lists_and_arrays_have_the_dtypes_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  BOOST_TEST(value_of(vs::constant(1.5)).same_bits(vs::Array::scalar(1.5F)));
  BOOST_TEST(value_of(vs::constant(1.5F)).same_bits(vs::Array::scalar(1.5F)));
  BOOST_TEST(value_of(vs::constant(2)).same_bits(vs::Array::scalar<std::int32_t>(2)));
  BOOST_TEST(value_of(vs::constant(true)).same_bits(vs::Array::scalar(true)));
  BOOST_TEST(value_of(vs::constant({1.0, 2.5})).same_bits(vs::Array::of<float>({2}, {1, 2.5F})));
  BOOST_TEST(value_of(vs::constant({1, 2, 3})).same_bits(vs::Array::of<std::int32_t>({3}, {1, 2, 3})));
  BOOST_TEST(
      value_of(vs::constant({1, 2}, {.dtype = vs::float64})).same_bits(vs::Array::of<double>({2}, {1, 2})));
  BOOST_TEST(value_of(vs::constant({1.0, 2.0}, {.dtype = vs::int64, .shape = vs::Shape{2, 1}}))
                 .same_bits(vs::Array::of<std::int64_t>({2, 1}, {1, 2})));
  BOOST_TEST(value_of(vs::constant(0.5, {.shape = vs::Shape{3}}))
                 .same_bits(vs::Array::of<float>({3}, {0.5F, 0.5F, 0.5F})));
  BOOST_TEST(value_of(vs::zeros({2}, {.dtype = vs::int32})).same_bits(vs::Array({2}, vs::int32)));
  BOOST_TEST(value_of(vs::ones({2})).same_bits(vs::Array::of<float>({2}, {1, 1})));
}

BOOST_AUTO_TEST_CASE(a_constant_keeps_its_own_copy) {
  vs::Graph graph;
  const auto building = graph.as_default();
  vs::Array values = vs::Array::of<float>({2}, {1, 2});
  const vs::Tensor fixed = vs::constant(values);
  values.values<float>()[0] = 7;
  BOOST_TEST(value_of(fixed).values<float>()[0] == 1);
}

BOOST_AUTO_TEST_CASE(names_and_shapes_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  BOOST_TEST(vs::constant(1).op().name() == "Const");
  BOOST_TEST(vs::constant(1, {.name = "one"}).op().name() == "one");
  BOOST_TEST(vs::zeros({2}).op().name() == "zeros");
  BOOST_TEST(vs::ones({2}).op().type() == "Const");
  BOOST_TEST(vs::placeholder().op().name() == "Placeholder");
  const vs::Tensor image = vs::placeholder({-1, 64}, {.dtype = vs::uint8, .name = "image"});
  BOOST_TEST(image.name() == "image:0");
  BOOST_TEST(image.shape().to_string() == "[?,64]");
  BOOST_TEST(vs::dtype_name(image.dtype()) == "uint8");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_the_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::constant({1, 2, 3}, {.shape = vs::Shape{2}});
  });
  check_says(message, {"int32[3]", "[2]", "test_constant.cpp:" + std::to_string(line)});
  check_says(message_of<vs::TypeError>([] {
               vs::constant({1.0, 2.5}, {.dtype = vs::int32});
             }),
             {"element 1", "2.5", "int32", "test_constant.cpp:"});
  check_says(message_of<vs::ValueError>([] { vs::zeros({-1, 2}); }), {"[?,2]", "known"});
  BOOST_TEST(graph.operations().empty());
}

BOOST_AUTO_TEST_SUITE_END()
