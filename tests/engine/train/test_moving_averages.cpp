// SPDX-License-Identifier: Apache-2.0
// SEMANTICS EM1 to EM5: averages of variables and tensors.
#include "support/messages.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_moving_averages)

namespace vs = varscope;
using vs::testing::contains;
using vs::testing::Random;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Session session{graph};

  double value_of(const vs::Variable& variable) { return session.read({variable})[0].item(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(averages, Fixture)

BOOST_AUTO_TEST_CASE(EM1_an_average_starts_with_the_variables_initial_value) {
  vs::set_random_seed(7);
  vs::Variable w;
  {
    const auto scope = vs::variable_scope("s");
    w = vs::get_variable("w", {100}, {.initializer = vs::random_normal_initializer()});
  }
  vs::ExponentialMovingAverage ema(0.9);
  BOOST_TEST(!ema.average(w));
  BOOST_TEST(ema.average_name(w) == "s/w/ExponentialMovingAverage");
  vs::Operation update;
  {
    const auto scope = vs::variable_scope("s", {.reuse = true});  // does not matter (decision 9)
    update = ema.apply({w});
    BOOST_TEST(update.name() == "s_1/ExponentialMovingAverage");
  }
  const vs::Variable average = ema.average(w);
  BOOST_TEST(average.op().name() == "s/w/ExponentialMovingAverage");
  BOOST_TEST(ema.average_name(w) == "s/w/ExponentialMovingAverage");
  BOOST_TEST(!average.trainable());
  const std::vector<vs::Array> values = session.read({w, average});
  BOOST_TEST(values[0].same_bits(values[1]));
  BOOST_TEST((graph.global_variables() == std::vector<vs::Variable>{w, average}));
  BOOST_TEST((vs::moving_average_variables() == std::vector<vs::Variable>{w}));  // EM5
}

BOOST_AUTO_TEST_CASE(EM2_many_steps_agree_with_double_precision) {
  Random random(1);
  for (const vs::DType dtype : {vs::float32, vs::float64}) {
    vs::Graph own;
    const auto in_own = own.as_default();
    const vs::Variable v =
        vs::get_variable("v", {}, {.dtype = dtype, .initializer = vs::constant_initializer(2.0)});
    const vs::Tensor x = vs::placeholder({}, {.dtype = dtype, .name = "x"});
    const vs::Variable n = vs::create_global_step();
    vs::ExponentialMovingAverage plain(0.75);
    vs::ExponentialMovingAverage counted(0.75, {.num_updates = n, .name = "counted"});
    const vs::Tensor set = vs::assign(v, x);
    const vs::Tensor count = vs::assign_add(n, 1);
    vs::Operation update;
    {
      const auto after = vs::control_dependencies({set.op()});
      update = vs::group({plain.apply({v}), counted.apply({v}), count.op()});
    }
    vs::Session own_session(own);
    double expected = 2;
    double expected_counted = 2;
    for (int step = 0; step < 40; ++step) {
      const vs::Array value = vs::testing::random_array(random, {}, dtype);
      (void)own_session.run({{x, value}}, update);
      const double decay = std::min(0.75, (1.0 + step) / (10.0 + step));
      expected = 0.75 * expected + 0.25 * value.item();
      expected_counted = decay * expected_counted + (1 - decay) * value.item();
    }
    const std::vector<vs::Array> values = own_session.read({plain.average(v), counted.average(v)});
    // The decay is computed in float32, whatever the variable is.
    BOOST_TEST(std::fabs(values[0].item() - expected) < (dtype == vs::float32 ? 1e-6 : 1e-14));
    BOOST_TEST(std::fabs(values[1].item() - expected_counted) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(values_are_those_that_assignments_before_have_made) {
  const vs::Variable v = vs::get_variable("v", {}, {.initializer = vs::zeros_initializer()});
  const vs::Tensor set = vs::assign(v, 8.0F);
  vs::ExponentialMovingAverage ema(0.5);
  const vs::Operation update = ema.apply({v});
  (void)session.run({update, set});  // the average first, as nothing says otherwise
  BOOST_TEST(value_of(ema.average(v)) == 0);
  (void)session.run(vs::assign(v, 0.0F));
  (void)session.run({set, update});
  BOOST_TEST(value_of(ema.average(v)) == 4);
  BOOST_TEST(value_of(v) == 8);
}

BOOST_AUTO_TEST_CASE(averages_of_tensors_start_with_zero) {
  const vs::Tensor x = vs::placeholder({}, {.name = "loss"});
  vs::ExponentialMovingAverage ema(0.5, {.name = "avg"});
  const vs::Operation update = ema.apply_tensors({x, x * 2.0F});
  BOOST_TEST(update.name() == "avg");
  BOOST_TEST(ema.average(x).op().name() == "loss/avg");
  (void)session.run({{x, vs::Array::scalar(8.0F)}}, update);
  BOOST_TEST(value_of(ema.average(x)) == 4);
  (void)session.run({{x, vs::Array::scalar(8.0F)}}, update);
  BOOST_TEST(value_of(ema.average(x)) == 6);
  BOOST_TEST(vs::moving_average_variables().empty());
}

BOOST_AUTO_TEST_CASE(EM4_variables_to_restore) {
  const vs::Variable v = vs::get_variable("v", {2});
  const vs::Variable other = vs::get_variable("other", {2});
  const vs::Variable statistics = vs::get_variable("statistics", {2}, {.trainable = false});
  const vs::Variable step = vs::create_global_step();
  vs::ExponentialMovingAverage ema(0.5);
  const std::map<std::string, vs::Variable> expected{{"v/ExponentialMovingAverage", v},
                                                     {"other/ExponentialMovingAverage", other},
                                                     {"statistics", statistics},
                                                     {"global_step", step}};
  BOOST_TEST((ema.variables_to_restore() == expected));  // as in a program that only restores
  (void)ema.apply();
  BOOST_TEST((ema.variables_to_restore() == expected));
  vs::ExponentialMovingAverage another(0.5, {.name = "another"});
  (void)another.apply({statistics});
  BOOST_TEST((another.variables_to_restore().at("statistics/another") == statistics));
}

BOOST_AUTO_TEST_CASE(parts_of_a_partitioned_variable) {
  const vs::Variable w = vs::get_variable(
      "w", {4}, {.initializer = vs::ones_initializer(), .partitioner = vs::fixed_size_partitioner(2)});
  vs::ExponentialMovingAverage ema(0.5);
  BOOST_TEST(ema.variables_to_restore().begin()->first == "w/ExponentialMovingAverage");
  (void)session.run(ema.apply({w}));
  const vs::Variable first = ema.average(w.partitions()[0]);
  BOOST_TEST(first.op().name() == "w/part_0/ExponentialMovingAverage");
  BOOST_TEST(first.partitioned_variable().name() == "w/ExponentialMovingAverage");
  const std::map<std::string, vs::Variable> expected{{"w/ExponentialMovingAverage", w}};
  BOOST_TEST((ema.variables_to_restore() == expected));
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
  vs::ExponentialMovingAverage ema(0.5);
  BOOST_CHECK_THROW(ema.apply(), vs::ValueError);  // no trainable variables
  BOOST_CHECK_THROW(ema.apply_tensors({}), vs::ValueError);
  const vs::Variable count = vs::get_variable("count", {}, {.dtype = vs::int32, .trainable = false});
  BOOST_CHECK_EXCEPTION(ema.apply({count}), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"count:0", "int32", "test_moving_averages.cpp"});
  });
  const vs::Variable v = vs::get_variable("v", {});
  (void)ema.apply({v});
  BOOST_CHECK_THROW(ema.apply({v}), vs::ValueError);
  BOOST_CHECK_THROW(vs::ExponentialMovingAverage(0.5, {.name = ""}), vs::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
