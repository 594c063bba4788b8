// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules against their formulas, and the global step.
#include "support/messages.hpp"
#include "support/random.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_learning_rate)

namespace vs = varscope;
using vs::testing::contains;
using vs::testing::Random;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Tensor step = vs::placeholder({}, {.dtype = vs::int64, .name = "step"});

  /// Numbers are float32 constants: the formula starts from what those hold.
  void check(const vs::Tensor& rate, const std::function<double(double step)>& formula) {
    BOOST_TEST((rate.shape() == vs::Shape{}));
    vs::Session session(graph);
    for (std::int64_t at : {0, 1, 9, 10, 11, 20, 37, 100, 101, 250, 1000, 123456}) {
      const double actual = session.run({{step, vs::Array::scalar(at)}}, rate).item();
      const double expected = formula(static_cast<double>(at));
      BOOST_TEST(std::fabs(actual - expected) <= 6e-8 * std::fabs(expected) + 1e-45,
                 "step " << at << ": " << actual << " instead of " << expected);
    }
  }
};

double f(double number) {
  return static_cast<double>(static_cast<float>(number));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(schedules, Fixture)

BOOST_AUTO_TEST_CASE(exponential) {
  const vs::Tensor rate = vs::exponential_decay(0.1, step, 100, 0.96);
  BOOST_TEST(rate.name() == "ExponentialDecay:0");
  check(rate, [](double at) { return f(0.1) * std::pow(f(0.96), at / 100); });
  check(vs::exponential_decay(0.1, step, 100, 0.5, {.staircase = true}),
        [](double at) { return f(0.1) * std::pow(0.5, std::floor(at / 100)); });
}

BOOST_AUTO_TEST_CASE(natural_exponential) {
  const vs::Tensor rate = vs::natural_exp_decay(0.1, step, 10, 0.02);
  BOOST_TEST(rate.name() == "NaturalExpDecay:0");
  check(rate, [](double at) { return f(0.1) * std::exp(-f(0.02) * (at / 10)); });
  check(vs::natural_exp_decay(0.1, step, 10, 0.02, {.staircase = true}),
        [](double at) { return f(0.1) * std::exp(-f(0.02) * std::floor(at / 10)); });
}

BOOST_AUTO_TEST_CASE(inverse_time) {
  const vs::Tensor rate = vs::inverse_time_decay(0.1, step, 10, 0.3);
  BOOST_TEST(rate.name() == "InverseTimeDecay:0");
  check(rate, [](double at) { return f(0.1) / (1 + f(0.3) * at / 10); });
  check(vs::inverse_time_decay(0.1, step, 10, 0.3, {.staircase = true, .name = "mine"}),
        [](double at) { return f(0.1) / (1 + f(0.3) * std::floor(at / 10)); });
}

BOOST_AUTO_TEST_CASE(polynomial) {
  const vs::Tensor rate = vs::polynomial_decay(0.1, step, 100);
  BOOST_TEST(rate.name() == "PolynomialDecay:0");
  check(rate, [](double at) { return (f(0.1) - f(1e-4)) * (1 - std::min(at, 100.0) / 100) + f(1e-4); });
  check(vs::polynomial_decay(0.1, step, 100, {.end_learning_rate = 0.01, .power = 0.5}),
        [](double at) { return (f(0.1) - f(0.01)) * std::sqrt(1 - std::min(at, 100.0) / 100) + f(0.01); });
  check(vs::polynomial_decay(0.1, step, 100, {.end_learning_rate = 0.01, .power = 2, .cycle = true}),
        [](double at) {
          const double steps = 100 * (at == 0 ? 1 : std::ceil(at / 100));
          return (f(0.1) - f(0.01)) * std::pow(1 - at / steps, 2) + f(0.01);
        });
}

BOOST_AUTO_TEST_CASE(cosine) {
  const vs::Tensor rate = vs::cosine_decay(0.1, step, 100);
  BOOST_TEST(rate.name() == "CosineDecay:0");
  const auto formula = [](double alpha) {
    return [alpha](double at) {
      const double falling = 0.5 * (1 + std::cos(std::acos(-1.0) * std::min(at, 100.0) / 100));
      return f(0.1) * ((1 - alpha) * falling + alpha);
    };
  };
  check(rate, formula(0));
  check(vs::cosine_decay(0.1, step, 100, {.alpha = 0.25}), formula(0.25));
}

BOOST_AUTO_TEST_CASE(piecewise) {
  const vs::Tensor rate = vs::piecewise_constant(step, {10, 100}, {1.0, 0.5, 0.1});
  BOOST_TEST(rate.name() == "PiecewiseConstant:0");
  check(rate, [](double at) { return at <= 10 ? 1.0 : at <= 100 ? 0.5 : 0.1; });
  check(vs::piecewise_constant(step, {}, {0.25}), [](double) { return 0.25; });
  BOOST_CHECK_EXCEPTION(vs::piecewise_constant(step, {1, 2}, {1.0}), vs::ValueError,
                        [](const vs::Error& error) {
                          return contains(error, {"2 boundaries", "3 values", "1", "test_learning_rate.cpp"});
                        });
  BOOST_CHECK_THROW(vs::piecewise_constant(step, {2, 2}, {1.0, 2.0, 3.0}), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(numbers_become_constants_and_dtypes_may_differ) {
  const vs::Tensor rate = vs::exponential_decay(0.1, step, 100, 0.96);
  const std::vector<vs::Tensor> inputs = rate.op().inputs();
  BOOST_TEST(inputs[0].name() == "ExponentialDecay/learning_rate:0");
  BOOST_TEST((inputs[0].dtype() == vs::float32));
  BOOST_TEST((inputs[1] == step));
  BOOST_TEST(inputs[2].name() == "ExponentialDecay/decay_steps:0");
  BOOST_TEST((inputs[2].dtype() == vs::int64));
  const vs::Tensor exact = vs::exponential_decay(vs::constant(vs::Array::scalar(0.1)), step, 100, 0.5);
  BOOST_TEST((exact.dtype() == vs::float64));
  vs::Session session(graph);
  BOOST_TEST(session.run({{step, vs::Array::scalar<std::int64_t>(100)}}, exact).item() == 0.05);
  // Counts beyond what float32 can hold are exact.
  const vs::Tensor late = vs::exponential_decay(1.0, step, 16777217, 0.5, {.staircase = true});
  BOOST_TEST(session.run({{step, vs::Array::scalar<std::int64_t>(16777216)}}, late).item() == 1.0);
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
  BOOST_CHECK_EXCEPTION(vs::exponential_decay(vs::ones({2}), step, 100, 0.9), vs::ValueError,
                        [](const vs::Error& error) {
                          return contains(error, {"'learning_rate'", "float32[2]", "scalar"});
                        });
  BOOST_CHECK_THROW(vs::cosine_decay(vs::constant(1), step, 100), vs::TypeError);
  BOOST_CHECK_THROW(vs::cosine_decay(0.1, vs::constant(true), 100), vs::TypeError);
}

BOOST_AUTO_TEST_CASE(a_schedule_follows_the_steps_that_were_made) {
  const vs::Variable count = vs::create_global_step();
  const vs::Variable v = vs::get_variable("v", {}, {.initializer = vs::zeros_initializer()});
  const vs::Tensor rate = vs::exponential_decay(1.0, count, 1, 0.5);
  vs::GradientDescentOptimizer optimizer(rate);
  const vs::Operation train = optimizer.apply_gradients({{vs::constant(1.0), v}}, {.global_step = count});
  vs::Session session(graph);
  double expected = 0;
  for (int made = 0; made < 5; ++made) {
    const std::vector<vs::Fetch> fetches{train, rate};
    BOOST_TEST(session.run({}, fetches)[1].item() == std::pow(0.5, made));
    expected -= std::pow(0.5, made);
    BOOST_TEST(session.read({v})[0].item() == expected);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(the_global_step) {
  vs::Graph graph;
  const auto building = graph.as_default();
  BOOST_TEST(!vs::get_global_step());
  const vs::Variable step = vs::get_or_create_global_step();
  BOOST_TEST(step.name() == "global_step:0");
  BOOST_TEST((step.dtype() == vs::int64));
  BOOST_TEST((step.shape() == vs::Shape{}));
  BOOST_TEST(!step.trainable());
  BOOST_TEST((vs::get_global_step() == step));
  BOOST_TEST((vs::get_or_create_global_step() == step));
  BOOST_TEST((graph.get_collection(vs::GraphKeys::GLOBAL_STEP) == std::vector<vs::CollectionItem>{step}));
  BOOST_TEST((graph.global_variables() == std::vector<vs::Variable>{step}));
  BOOST_CHECK_EXCEPTION(vs::create_global_step(), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"global_step:0", "already", "test_learning_rate.cpp"});
  });
}

BOOST_AUTO_TEST_CASE(a_global_step_that_somebody_else_made) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable named = vs::get_variable("global_step", {}, {.dtype = vs::int32, .trainable = false});
  BOOST_TEST((vs::get_global_step() == named));
  vs::Graph other;
  const auto in_other = other.as_default();
  (void)vs::get_variable("global_step", {2});
  BOOST_CHECK_THROW(vs::get_global_step(), vs::TypeError);
  vs::Graph third;
  const auto in_third = third.as_default();
  for (const char* name : {"a", "b"}) {
    vs::add_to_collection(vs::GraphKeys::GLOBAL_STEP, vs::get_variable(name, {}, {.dtype = vs::int64}));
  }
  BOOST_CHECK_THROW(vs::get_global_step(), vs::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
