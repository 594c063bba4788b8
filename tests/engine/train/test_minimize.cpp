// SPDX-License-Identifier: Apache-2.0
// From a loss to a trained model: compute_gradients() and minimize() (SEMANTICS OP7 to OP9).
#include "support/messages.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_minimize)

namespace vs = varscope;
using vs::testing::contains;
using vs::testing::Random;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Session session{graph};
  vs::Variable v = vs::get_variable("v", {2}, {.initializer = vs::constant_initializer({1.0, 2.0})});
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(minimizing, Fixture)

BOOST_AUTO_TEST_CASE(gradients_of_what_is_trained) {
  const vs::Variable frozen = vs::get_variable("frozen", {2}, {.trainable = false});
  const vs::Variable unused = vs::get_variable("unused", {2});
  const vs::Tensor loss = vs::reduce_sum(vs::square(v) + frozen);
  vs::GradientDescentOptimizer optimizer(0.25);
  const std::vector<vs::GradientAndVariable> pairs = optimizer.compute_gradients(loss);
  BOOST_REQUIRE(pairs.size() == 2U);
  BOOST_TEST((pairs[0].variable == v));
  BOOST_TEST((pairs[1].variable == unused));
  BOOST_TEST(!pairs[1].gradient);
  BOOST_TEST(pairs[0].gradient.name().starts_with("gradients/"));
  BOOST_TEST(session.run(pairs[0].gradient).same_bits(vs::Array::of<float>({2}, {2.0F, 4.0F})));
  const std::vector<vs::GradientAndVariable> given =
      optimizer.compute_gradients(loss, {.var_list = {frozen}, .grad_loss = vs::constant(3.0)});
  BOOST_REQUIRE(given.size() == 1U);
  BOOST_TEST(session.run(given[0].gradient).same_bits(vs::Array::of<float>({2}, {3.0F, 3.0F})));
  (void)session.run(optimizer.minimize(loss));
  BOOST_TEST(session.read({v})[0].same_bits(vs::Array::of<float>({2}, {0.5F, 1.0F})));
}

BOOST_AUTO_TEST_CASE(OP8_OP9_names_and_the_global_step) {
  const vs::Variable step = vs::create_global_step();
  vs::AdamOptimizer optimizer(0.1);
  const vs::Operation train = optimizer.minimize(vs::reduce_sum(vs::square(v)), {.global_step = step});
  BOOST_TEST(train.name() == "Adam");
  BOOST_TEST(graph.get_operation_by_name("Adam/update_v/ApplyAdam").type() == "ApplyAdam");
  (void)session.run(train);
  BOOST_TEST(session.read({step})[0].item() == 1);
  BOOST_TEST(optimizer.minimize(vs::reduce_sum(v), {.name = "mine"}).name() == "mine");
}

BOOST_AUTO_TEST_CASE(OP7_what_is_refused) {
  vs::GradientDescentOptimizer optimizer(0.1);
  const vs::Tensor constant = vs::constant(1.0);
  BOOST_CHECK_EXCEPTION(optimizer.minimize(constant), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"GradientDescent", "Const", "none of the variables", "v:0", "test_minimize.cpp"});
  });
  const vs::Variable count = vs::get_variable("count", {2}, {.dtype = vs::int32, .trainable = false});
  BOOST_CHECK_THROW(optimizer.minimize(vs::reduce_sum(v), {.var_list = {count}}), vs::ValueError);
  BOOST_CHECK_THROW(optimizer.minimize(vs::Tensor()), vs::ValueError);
  BOOST_CHECK_THROW(optimizer.minimize(vs::reduce_sum(vs::constant({1, 2}))), vs::TypeError);
  vs::Graph other;
  const auto in_other = other.as_default();
  BOOST_CHECK_EXCEPTION(optimizer.minimize(vs::constant(1.0)), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"no variables to train", "var_list"});
  });
}

BOOST_AUTO_TEST_CASE(partitioned_variables_are_trained_part_by_part) {
  const vs::Variable w = vs::get_variable(
      "w", {5}, {.initializer = vs::ones_initializer(), .partitioner = vs::fixed_size_partitioner(2)});
  vs::GradientDescentOptimizer optimizer(0.25);
  const vs::Operation train = optimizer.minimize(vs::reduce_sum(vs::square(w)), {.var_list = {w}});
  (void)session.run(train);
  const vs::Array values = session.run(w);
  for (float element : values.values<float>()) BOOST_TEST(element == 0.5F);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(every_optimizer_fits_a_line_and_any_number_of_threads_gives_the_same_bits) {
  Random random(1);
  const vs::Array xs = vs::testing::random_array(random, {64, 3}, vs::float32);
  vs::Array ys({64, 1});
  for (std::size_t row = 0; row < 64; ++row) {
    const float* x = xs.values<float>().data() + 3 * row;
    ys.values<float>()[row] = 2.0F * x[0] - x[1] + 0.5F * x[2] + 1.0F;
  }
  const auto make = [](int kind) -> std::unique_ptr<vs::Optimizer> {
    switch (kind) {
      case 0:
        return std::make_unique<vs::GradientDescentOptimizer>(0.2);
      case 1:
        return std::make_unique<vs::MomentumOptimizer>(0.1, 0.9, vs::MomentumOptions{.use_nesterov = true});
      case 2:
        return std::make_unique<vs::AdagradOptimizer>(0.5);
      case 3:
        return std::make_unique<vs::RMSPropOptimizer>(0.01);
      default:
        return std::make_unique<vs::AdamOptimizer>(0.05);
    }
  };
  for (int kind = 0; kind < 5; ++kind) {
    std::vector<vs::Array> trained;
    for (int threads : {1, 2}) {
      vs::Graph graph;
      const auto building = graph.as_default();
      const vs::Tensor x = vs::placeholder({-1, 3}, {.name = "x"});
      const vs::Tensor y = vs::placeholder({-1, 1}, {.name = "y"});
      const vs::Variable w = vs::get_variable("w", {3, 1}, {.initializer = vs::zeros_initializer()});
      const vs::Variable b = vs::get_variable("b", {1}, {.initializer = vs::zeros_initializer()});
      const vs::Tensor loss = vs::reduce_mean(vs::square(vs::matmul(x, w) + b - y));
      const std::unique_ptr<vs::Optimizer> optimizer = make(kind);
      const vs::Operation train = optimizer->minimize(loss);
      vs::Session session(graph, {.intra_op_parallelism_threads = threads});
      for (int step = 0; step < 400; ++step) (void)session.run({{x, xs}, {y, ys}}, train);
      BOOST_TEST(session.run({{x, xs}, {y, ys}}, loss).item() < 1e-2, optimizer->name());
      trained.push_back(session.read({w})[0]);
    }
    BOOST_TEST(trained[0].same_bits(trained[1]));
  }
}

BOOST_AUTO_TEST_SUITE_END()
