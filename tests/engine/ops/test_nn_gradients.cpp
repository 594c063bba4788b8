// SPDX-License-Identifier: Apache-2.0
// The rules of softmax, dropout and what is made of other operations.
#include "support/gradient_check.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(test_nn_gradients)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

using Tensors = std::vector<vs::Tensor>;

}  // namespace

BOOST_AUTO_TEST_CASE(softmax_agrees_with_differences) {
  Random random;
  for (const vs::Shape& shape : {vs::Shape{5}, vs::Shape{3, 4}, vs::Shape{2, 3, 4}}) {
    for (int axis = -1; axis < shape.rank(); ++axis) {
      BOOST_TEST_CONTEXT(shape.to_string() << " along " << axis) {
        check_gradients({random_array(random, shape, vs::float64, -3, 3)},
                        [&](const Tensors& x) { return vs::softmax(x[0], {.axis = axis}); });
      }
    }
  }
  check_gradients({random_array(random, {2, 3}, vs::float64)},
                  [](const Tensors& x) { return vs::gradients({vs::square(vs::softmax(x[0]))}, {x[0]})[0]; });
}

BOOST_AUTO_TEST_CASE(dropout_passes_the_gradient_of_what_it_kept) {
  for (const vs::DType dtype : {vs::float32, vs::float64}) {
    vs::Graph graph;
    const auto building = graph.as_default();
    const vs::Tensor x = vs::placeholder({-1}, {.dtype = dtype});
    const vs::Tensor y = vs::dropout(x, 0.25);
    const vs::Tensor gradient = vs::gradients({y}, {x})[0];
    BOOST_TEST(gradient.op().name() == "gradients/dropout_grad/dropout");
    vs::Session session(graph);
    vs::Array ones({10007}, vs::float64);
    for (double& value : ones.values<double>()) value = 1;
    int kept = 0;
    for (int run = 0; run < 3; ++run) {
      const auto results = session.run({{x, from_float64(ones, dtype)}}, {y, gradient});
      BOOST_TEST(results[0].same_bits(results[1]));  // linear: of ones both are the same
      for (const double value : to_doubles(results[1])) kept += value == 4 ? 1 : 0;
    }
    BOOST_TEST(kept > 7000);  // of 30021, a quarter
    BOOST_TEST(kept < 8000);
  }
}

BOOST_AUTO_TEST_CASE(losses_made_of_operations_agree_with_differences) {
  Random random(1);
  check_gradients({random_array(random, {3, 2}, vs::float64)},
                  [](const Tensors& x) { return vs::l2_loss(x[0]); });
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable w = vs::get_variable(
      "w", vs::GetVariableOptions{.initializer = vs::Initializer(vs::Array::of<float>({2}, {3, -4}))});
  const Tensors of = {vs::gradients({vs::l2_regularizer(0.5)(w)}, {w})[0],
                      vs::gradients({vs::l1_regularizer(0.5)(w)}, {w})[0]};
  vs::Session session(graph);
  const auto results = session.run({}, {of[0], of[1]});
  BOOST_TEST(results[0].same_bits(vs::Array::of<float>({2}, {1.5, -2})));
  BOOST_TEST(results[1].same_bits(vs::Array::of<float>({2}, {0.5, -0.5})));
}

BOOST_AUTO_TEST_SUITE_END()
