// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_reshape)

namespace vs = varscope;
using namespace varscope::testing;

BOOST_AUTO_TEST_CASE(the_elements_stay_in_row_major_order) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    const vs::Array values = random_array(random, {2, 3, 4}, dtype, 0, 2);
    const auto reshaped = [&](vs::Shape shape) {
      return evaluate({values},
                      [&](const std::vector<vs::Tensor>& inputs) { return vs::reshape(inputs[0], shape); });
    };
    BOOST_TEST(reshaped({6, 4}).same_bits(values.reshaped({6, 4})));
    BOOST_TEST(reshaped({-1}).same_bits(values.reshaped({24})));
    BOOST_TEST(reshaped({2, -1, 2}).same_bits(values.reshaped({2, 6, 2})));
    BOOST_TEST(evaluate({values}, [](const std::vector<vs::Tensor>& inputs) {
                 return vs::identity(inputs[0]);
               }).same_bits(values));
  }
}

BOOST_AUTO_TEST_CASE(views_of_computed_values_are_computed_on_further) {
  Random random;
  const vs::Array values = random_array(random, {6}, vs::float32);
  const auto results = evaluate_many({values}, [](const std::vector<vs::Tensor>& inputs) {
    const vs::Tensor doubled = inputs[0] + inputs[0];
    const vs::Tensor matrix = vs::reshape(doubled, {2, 3});
    return std::vector{doubled, matrix, matrix * 2.0, vs::identity(doubled) - 1.0};
  });
  for (std::size_t i = 0; i < 6; ++i) {
    const float twice = values.values<float>()[i] * 2;
    BOOST_TEST(results[0].values<float>()[i] == twice);
    BOOST_TEST(results[1].values<float>()[i] == twice);
    BOOST_TEST(results[2].values<float>()[i] == twice * 2);
    BOOST_TEST(results[3].values<float>()[i] == twice - 1);
  }
  BOOST_TEST(results[1].shape().to_string() == "[2,3]");
}

BOOST_AUTO_TEST_CASE(names_and_partly_known_shapes_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({-1, 6});
  BOOST_TEST(vs::reshape(input, {-1, 2, 3}).op().name() == "Reshape");
  BOOST_TEST(vs::identity(input).op().name() == "Identity");
  BOOST_TEST(vs::reshape(input, {-1, 2, 3}).shape().to_string() == "[?,2,3]");
  BOOST_TEST(vs::reshape(vs::placeholder({4, 6}), {-1, 8}).shape().to_string() == "[3,8]");
  BOOST_TEST(vs::reshape(vs::placeholder(), {5}).shape().to_string() == "[5]");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({4, 6});
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::reshape(input, {-1, 2, -1});
  });
  check_says(message, {"Reshape", "[?,2,?]", "-1", "test_reshape.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([&] {
               vs::reshape(input, {5, 5});
             }),
             {"Reshape", "[4,6]", "24", "[5,5]", "25"});
  check_says(message_of<vs::ValueError>([&] { vs::reshape(input, {-1, 7}); }), {"Reshape", "multiple of 7"});
  check_says(message_of<vs::ValueError>([&] { vs::reshape(input, vs::Shape::unknown()); }),
             {"Reshape", "rank"});
}

BOOST_AUTO_TEST_CASE(a_fed_shape_that_does_not_fit_is_refused_with_operation_and_line) {
  int line = 0;
  const std::string message = message_of<vs::InvalidArgumentError>([&] {
    evaluate({vs::Array({3, 5})}, [&](const std::vector<vs::Tensor>& inputs) {
      line = __LINE__ + 1;
      return vs::reshape(inputs[0], {-1, 2}, "pairs");
    });
  });
  check_says(message, {"pairs", "[3,5]", "test_reshape.cpp:" + std::to_string(line)});
}

BOOST_AUTO_TEST_SUITE_END()
