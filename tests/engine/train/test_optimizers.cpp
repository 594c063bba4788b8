// SPDX-License-Identifier: Apache-2.0
// What optimizers make of variables and slots in many steps, against loops in double precision of the
// formulas in TensorFlow's documentation.
#include "support/random.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_optimizers)

namespace vs = varscope;
using varscope::testing::Random;

namespace {

constexpr double kRate = 0.05;

/// One element with its slots, stepped in double precision.
struct Element {
  double v = 0;
  double a = 0;  // slots
  double b = 0;
  double c = 0;
};

struct Case {
  std::string name;
  std::function<std::unique_ptr<vs::Optimizer>()> make;
  Element start;                                                       // but for v
  std::function<void(Element& at, double gradient, int step)> update;  // steps from 1
  std::vector<std::string> slots;                                      // those that hold a, b, c
};

template <typename T, typename... Arguments>
std::function<std::unique_ptr<vs::Optimizer>()> maker(Arguments... arguments) {
  return [arguments...] { return std::make_unique<T>(arguments...); };
}

std::vector<Case> cases() {
  const auto rmsprop = [](bool centered) {
    return [centered](Element& at, double g, int) {
      at.a = 0.8 * at.a + 0.2 * g * g;
      double spread = at.a;
      if (centered) {
        at.c = 0.8 * at.c + 0.2 * g;
        spread -= at.c * at.c;
      }
      at.b = 0.5 * at.b + kRate * g / std::sqrt(spread + 0.01);
      at.v -= at.b;
    };
  };
  const vs::RMSPropOptions rmsprop_options = {.decay = 0.8, .momentum = 0.5, .epsilon = 0.01};
  vs::RMSPropOptions centered_options = rmsprop_options;
  centered_options.centered = true;
  return {
      {"gradient descent",
       maker<vs::GradientDescentOptimizer>(kRate),
       {},
       [](Element& at, double g, int) { at.v -= kRate * g; },
       {}},
      {"momentum",
       maker<vs::MomentumOptimizer>(kRate, 0.9),
       {},
       [](Element& at, double g, int) {
         at.a = 0.9 * at.a + g;
         at.v -= kRate * at.a;
       },
       {"momentum"}},
      {"Nesterov's momentum",
       maker<vs::MomentumOptimizer>(kRate, 0.9, vs::MomentumOptions{.use_nesterov = true}),
       {},
       [](Element& at, double g, int) {
         at.a = 0.9 * at.a + g;
         at.v -= kRate * (g + 0.9 * at.a);
       },
       {"momentum"}},
      {"Adagrad",
       maker<vs::AdagradOptimizer>(kRate),
       {.a = 0.1},
       [](Element& at, double g, int) {
         at.a += g * g;
         at.v -= kRate * g / std::sqrt(at.a);
       },
       {"accumulator"}},
      {"RMSProp",
       maker<vs::RMSPropOptimizer>(kRate, rmsprop_options),
       {.a = 1},
       rmsprop(false),
       {"rms", "momentum"}},
      {"centered RMSProp",
       maker<vs::RMSPropOptimizer>(kRate, centered_options),
       {.a = 1},
       rmsprop(true),
       {"rms", "momentum", "mg"}},
      {"Adam",
       maker<vs::AdamOptimizer>(kRate, vs::AdamOptions{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.01}),
       {},
       [](Element& at, double g, int step) {
         const double rate = kRate * std::sqrt(1 - std::pow(0.95, step)) / (1 - std::pow(0.8, step));
         at.a = 0.8 * at.a + 0.2 * g;
         at.b = 0.95 * at.b + 0.05 * g * g;
         at.v -= rate * at.a / (std::sqrt(at.b) + 0.01);
       },
       {"m", "v"}},
  };
}

/// A variable that is trained with fed gradients.
struct Training {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  std::unique_ptr<vs::Optimizer> optimizer;
  vs::Tensor gradient;
  vs::Variable v;
  vs::Operation train;

  Training(const Case& tested, const vs::Array& start)
      : optimizer(tested.make()),
        gradient(vs::placeholder(start.shape(), {.dtype = start.dtype(), .name = "gradient"})),
        v(vs::detail::get_variable("v", std::nullopt, {.initializer = start}, vs::SourceLocation::current())),
        train(optimizer->apply_gradients({{gradient, v}})) {}

  /// v, then the slots of the case.
  std::vector<vs::Variable> variables(const Case& tested) const {
    std::vector<vs::Variable> all{v};
    for (const std::string& slot : tested.slots) all.push_back(optimizer->get_slot(v, slot));
    return all;
  }
};

double element_of(const vs::Array& array, std::size_t i) {
  return array.dtype() == vs::float32 ? static_cast<double>(array.values<float>()[i])
                                      : array.values<double>()[i];
}

}  // namespace

BOOST_AUTO_TEST_CASE(fifty_steps_agree_with_double_precision) {
  constexpr int kSteps = 50;
  Random random(1);
  for (const vs::DType dtype : {vs::float32, vs::float64}) {
    for (const Case& tested : cases()) {
      BOOST_TEST_CONTEXT(tested.name << ", " << vs::dtype_name(dtype)) {
        const vs::Shape shape{random.integer<std::int64_t>(1, 9), random.integer<std::int64_t>(1, 9)};
        const vs::Array start = vs::testing::random_array(random, shape, dtype);
        Training training(tested, start);
        vs::Session session(training.graph);
        std::vector<Element> expected(static_cast<std::size_t>(shape.num_elements()), tested.start);
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i].v = element_of(start, i);
        for (int step = 1; step <= kSteps; ++step) {
          const vs::Array gradient = vs::testing::random_array(random, shape, dtype);
          (void)session.run({{training.gradient, gradient}}, training.train);
          for (std::size_t i = 0; i < expected.size(); ++i) {
            tested.update(expected[i], element_of(gradient, i), step);
          }
        }
        const std::vector<vs::Array> values = session.read(training.variables(tested));
        double worst = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const double wanted[] = {expected[i].v, expected[i].a, expected[i].b, expected[i].c};
          for (std::size_t variable = 0; variable < values.size(); ++variable) {
            worst = std::max(worst, std::fabs(element_of(values[variable], i) - wanted[variable]));
          }
        }
        // The numbers of the optimizer are float32 constants, as in TensorFlow, whatever the variable is:
        // what they are off by, 2^-25 of themselves, counts in every step.
        BOOST_TEST(worst <= 3e-5);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(float64_is_as_exact_as_the_numbers_that_it_is_given) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor g = vs::placeholder({3}, {.dtype = vs::float64, .name = "g"});
  const vs::Variable v =
      vs::get_variable("v", {3}, {.dtype = vs::float64, .initializer = vs::zeros_initializer()});
  vs::MomentumOptimizer optimizer(vs::Array::scalar(0.1), vs::Array::scalar(0.9));
  const vs::Operation train = optimizer.apply_gradients({{g, v}});
  vs::Session session(graph);
  Random random(2);
  double accumulated = 0;
  double expected = 0;
  for (int step = 0; step < 50; ++step) {
    const vs::Array gradient = vs::testing::random_array(random, {3}, vs::float64);
    (void)session.run({{g, gradient}}, train);
    accumulated = 0.9 * accumulated + gradient.values<double>()[1];
    expected -= 0.1 * accumulated;
  }
  BOOST_TEST(std::fabs(session.read({v})[0].values<double>()[1] - expected) < 1e-13);
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_and_any_place_give_the_same_bits) {
  Random random(3);
  const vs::Shape shape{300, 501};
  const vs::Array start = vs::testing::random_array(random, shape, vs::float32);
  std::vector<vs::Array> gradients;
  for (int step = 0; step < 5; ++step)
    gradients.push_back(vs::testing::random_array(random, shape, vs::float32));
  for (const Case& tested : cases()) {
    std::vector<std::vector<vs::Array>> results;
    for (int threads : {1, 2, 3}) {
      Training training(tested, start);
      vs::Session session(training.graph, {.intra_op_parallelism_threads = threads});
      for (const vs::Array& gradient : gradients)
        (void)session.run({{training.gradient, gradient}}, training.train);
      results.push_back(session.read(training.variables(tested)));
    }
    for (std::size_t variable = 0; variable < results[0].size(); ++variable) {
      BOOST_TEST(results[0][variable].same_bits(results[1][variable]), tested.name);
      BOOST_TEST(results[0][variable].same_bits(results[2][variable]), tested.name);
    }
  }
}

// PyTorch adds its epsilon to the root of the corrected mean of squares; TensorFlow adds epsilon hat to that
// of the uncorrected one. The first is the second divided by sqrt(1 - beta2^t).
BOOST_AUTO_TEST_CASE(the_epsilon_of_Adam_is_epsilon_hat) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor g = vs::placeholder({}, {.name = "g"});
  const vs::Variable v = vs::get_variable("v", {}, {.initializer = vs::zeros_initializer()});
  vs::AdamOptimizer optimizer(0.1, {.epsilon = 0.5});
  const vs::Operation train = optimizer.apply_gradients({{g, v}});
  vs::Session session(graph);
  double mean = 0;
  double squares = 0;
  double as_pytorch = 0;
  double with_epsilon_hat = 0;
  for (int t = 1; t <= 10; ++t) {
    const double gradient = 0.3 * t;
    (void)session.run({{g, vs::Array::scalar(static_cast<float>(gradient))}}, train);
    mean = 0.9 * mean + 0.1 * gradient;
    squares = 0.999 * squares + 0.001 * gradient * gradient;
    const double corrected_mean = mean / (1 - std::pow(0.9, t));
    const double root = std::sqrt(squares / (1 - std::pow(0.999, t)));
    as_pytorch -= 0.1 * corrected_mean / (root + 0.5);
    with_epsilon_hat -= 0.1 * corrected_mean / (root + 0.5 / std::sqrt(1 - std::pow(0.999, t)));
  }
  const double actual = session.read({v})[0].item();
  BOOST_TEST(std::fabs(actual - with_epsilon_hat) < 1e-5);
  BOOST_TEST(std::fabs(actual - as_pytorch) > 0.1);
}

BOOST_AUTO_TEST_CASE(the_learning_rate_may_be_a_tensor_or_a_variable) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor rate = vs::placeholder({}, {.name = "rate"});
  const vs::Variable kept_rate =
      vs::get_variable("rate", {}, {.initializer = vs::ones_initializer(), .trainable = false});
  const vs::Tensor one = vs::constant(1.0);
  const vs::Variable v = vs::get_variable("v", {}, {.initializer = vs::zeros_initializer()});
  vs::GradientDescentOptimizer fed(rate);
  vs::GradientDescentOptimizer kept(kept_rate);
  const vs::Operation train_fed = fed.apply_gradients({{one, v}});
  const vs::Operation train_kept = kept.apply_gradients({{one, v}});
  vs::Session session(graph);
  (void)session.run({{rate, vs::Array::scalar(0.25F)}}, train_fed);
  BOOST_TEST(session.read({v})[0].item() == -0.25);
  (void)session.run(train_kept);
  BOOST_TEST(session.read({v})[0].item() == -1.25);
  (void)session.run(vs::assign(kept_rate, 0.5F));
  (void)session.run(train_kept);
  BOOST_TEST(session.read({v})[0].item() == -1.75);
}

BOOST_AUTO_TEST_CASE(Adams_powers_are_multiplied_after_each_step) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable v = vs::get_variable("v", {2});
  vs::AdamOptimizer optimizer(0.1, {.beta1 = 0.5, .beta2 = 0.25});
  const vs::Operation train = optimizer.apply_gradients({{vs::ones({2}), v}});
  vs::Session session(graph);
  const std::vector<vs::Variable> kept = optimizer.variables(graph);
  BOOST_REQUIRE(kept.size() == 4U);
  BOOST_TEST(kept[0].name() == "beta1_power:0");
  BOOST_TEST(kept[1].name() == "beta2_power:0");
  BOOST_TEST(session.read({kept[0]})[0].item() == 0.5);
  for (int step = 0; step < 3; ++step) (void)session.run(train);
  BOOST_TEST(session.read({kept[0]})[0].item() == 0.0625);
  BOOST_TEST(session.read({kept[1]})[0].item() == 1.0 / 256);
}

BOOST_AUTO_TEST_SUITE_END()
