// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_fill_like)

namespace vs = varscope;
using namespace varscope::testing;

BOOST_AUTO_TEST_CASE(values_have_the_dtype_and_shape_of_the_tensor) {
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    for (const vs::Shape& shape : {vs::Shape{}, vs::Shape{3}, vs::Shape{0, 2}, vs::Shape{5, 20000}}) {
      BOOST_TEST_CONTEXT(vs::Array(shape, dtype).description()) {
        Expected zeros(shape);
        Expected ones(shape);
        for (double& value : ones.values) value = 1;
        const std::vector<vs::Array> results =
            evaluate_many({vs::Array(shape, dtype)}, [](const std::vector<vs::Tensor>& inputs) {
              return std::vector{vs::zeros_like(inputs[0]), vs::ones_like(inputs[0])};
            });
        check_equal(results[0], dtype, zeros);
        check_equal(results[1], dtype, ones);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(names_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({-1, 3});
  BOOST_TEST(vs::zeros_like(x).op().name() == "zeros_like");
  BOOST_TEST(vs::ones_like(x).op().name() == "ones_like");
  BOOST_TEST(vs::ones_like(x).op().type() == "OnesLike");
  BOOST_TEST(vs::ones_like(x).shape().to_string() == "[?,3]");
  const vs::Tensor known = vs::placeholder({2, 3}, {.dtype = vs::int32});
  BOOST_TEST(vs::zeros_like(known, "z").op().type() == "Const");  // no need of a run to know its shape
  BOOST_TEST((vs::zeros_like(known).dtype() == vs::int32));
  BOOST_TEST(vs::zeros_like(1.5).op().name() == "zeros_like_2");
}

BOOST_AUTO_TEST_CASE(a_constant_is_made_in_the_graph_of_its_tensor) {
  vs::Graph graph;
  vs::Tensor x;
  {
    const auto building = graph.as_default();
    x = vs::placeholder({2});
  }
  vs::Graph other;
  const auto building = other.as_default();
  BOOST_TEST(&vs::ones_like(x).graph() == &graph);
  BOOST_CHECK_THROW(vs::ones_like(vs::Tensor()), vs::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
