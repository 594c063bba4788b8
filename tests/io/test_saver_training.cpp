// SPDX-License-Identifier: Apache-2.0
// What training keeps, saved and restored: slots, powers, the global step, averages (SEMANTICS OP5, OP6, EM4,
// SV14).
#include "io/named_arrays.hpp"
#include "io/temporary_directory.hpp"
#include "support/messages.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_saver_training)

namespace vs = varscope;
using vs::testing::contains;
using vs::testing::Random;
using vs::testing::TemporaryDirectory;

namespace {

/// A variable that Adam trains with fed gradients, its average and the global step. Where the optimizer is
/// built differs, the names do not.
struct Training {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Session session{graph};
  vs::Variable w;
  vs::Variable step;
  vs::Tensor gradient = vs::placeholder({6, 2}, {.name = "gradient"});
  vs::AdamOptimizer optimizer{0.1};
  vs::ExponentialMovingAverage ema{0.5};
  vs::Operation train;

  explicit Training(bool in_a_scope = false, vs::Partitioner partitioner = {}) {
    step = vs::create_global_step();
    {
      const auto scope = vs::variable_scope("model");
      w = vs::get_variable("w", {6, 2}, {.partitioner = std::move(partitioner)});
    }
    if (in_a_scope) {
      const auto scope = vs::variable_scope("training", {.reuse = true});
      build();
    } else {
      build();
    }
  }

  void make_steps(const std::vector<vs::Array>& gradients) {
    for (const vs::Array& value : gradients) (void)session.run({{gradient, value}}, train);
  }
  std::vector<vs::Array> all_values() { return session.read(graph.global_variables()); }

 private:
  void build() {
    std::vector<vs::GradientAndVariable> pairs;
    std::int64_t row = 0;
    for (const vs::Variable& part : w.partitions()) {
      pairs.push_back({vs::slice(gradient, {row, 0}, {part.shape()[0], 2}), part});
      row += part.shape()[0];
    }
    const vs::Operation minimize = optimizer.apply_gradients(pairs, {.global_step = step});
    const auto after = vs::control_dependencies({minimize});
    train = ema.apply({w});
  }
};

std::vector<vs::Array> random_gradients(Random& random, int count) {
  std::vector<vs::Array> gradients;
  for (int i = 0; i < count; ++i) {
    gradients.push_back(vs::testing::random_array(random, {6, 2}, vs::float32));
  }
  return gradients;
}

}  // namespace

BOOST_AUTO_TEST_CASE(training_goes_on_where_it_was_saved) {
  const TemporaryDirectory directory;
  Random random(1);
  const std::vector<vs::Array> first = random_gradients(random, 5);
  const std::vector<vs::Array> second = random_gradients(random, 5);
  Training original;
  original.make_steps(first);
  const std::string path = vs::Saver().save(original.session, directory / "model", {.global_step = 5});
  original.make_steps(second);
  Training resumed(true);  // decision 9: the names of slots do not depend on where they are made
  vs::Saver().restore(resumed.session, path);
  BOOST_TEST(resumed.session.read({resumed.step})[0].item() == 5);
  resumed.make_steps(second);
  const std::vector<vs::Array> wanted = original.all_values();
  const std::vector<vs::Array> found = resumed.all_values();
  BOOST_REQUIRE(wanted.size() == 7U);
  BOOST_REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) BOOST_TEST(found[i].same_bits(wanted[i]), i);
}

BOOST_AUTO_TEST_CASE(batch_normalization_is_evaluated_with_the_averages_of_its_training) {
  const TemporaryDirectory directory;
  Random random(4);
  const vs::Array batch = vs::testing::random_array(random, {4, 3, 3, 2}, vs::float32);
  const auto model = [](bool training) {
    const vs::Tensor x = vs::placeholder({4, 3, 3, 2}, {.name = "x"});
    return std::pair{x, vs::layers::batch_normalization(x, {.training = training, .name = "bn"})};
  };
  vs::Graph training_graph;
  const auto building_first = training_graph.as_default();
  const auto [x, y] = model(true);
  vs::Operation train;
  {
    const auto after = vs::control_dependencies(vs::layers::get_update_ops());
    train = vs::GradientDescentOptimizer(0.1).minimize(vs::reduce_mean(vs::square(y)));
  }
  vs::Session training(training_graph);
  for (int step = 0; step < 3; ++step) (void)training.run({{x, batch}}, train);
  const std::string path = vs::Saver().save(training, directory / "model");
  std::vector<std::string> names;
  const vs::CheckpointReader checkpoint(path);
  for (const vs::CheckpointEntry& entry : checkpoint.entries()) names.push_back(entry.name);
  const std::vector<std::string> expected = {"bn/beta", "bn/gamma", "bn/moving_mean", "bn/moving_variance"};
  BOOST_TEST(names == expected, boost::test_tools::per_element());

  vs::Graph graph;
  const auto building = graph.as_default();
  const auto [image, result] = model(false);
  vs::Session session(graph);
  vs::Saver().restore(session, path);
  const std::vector<vs::Array> read = training.read(training_graph.global_variables());
  BOOST_TEST(read[2].values<float>()[0] != 0);
  const vs::FusedBatchNorm wanted = vs::fused_batch_norm(
      image, read[0], read[1], {.mean = read[2], .variance = read[3], .is_training = false});
  const auto values = session.run({{image, batch}}, {result, wanted.y});
  BOOST_TEST(values[0].same_bits(values[1]));
}

BOOST_AUTO_TEST_CASE(SV14_a_model_without_optimizer_restores_its_part) {
  const TemporaryDirectory directory;
  Random random(2);
  Training training;
  training.make_steps(random_gradients(random, 3));
  const std::string path = vs::Saver().save(training.session, directory / "model");
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable w = vs::get_variable("model/w", {6, 2});
  vs::Session session(graph);
  vs::Saver().restore(session, path);
  BOOST_TEST(session.read({w})[0].same_bits(training.session.read({training.w})[0]));
  // The other way round something is missing.
  const std::string small = vs::Saver().save(session, directory / "small");
  BOOST_CHECK_EXCEPTION(vs::Saver().restore(training.session, small), vs::NotFoundError,
                        [](const vs::Error& error) {
                          return contains(error, {"model/w/Adam", "model/w/Adam_1", "beta1_power"});
                        });
}

BOOST_AUTO_TEST_CASE(EM4_averages_are_restored_into_the_variables) {
  const TemporaryDirectory directory;
  Random random(3);
  Training training;
  training.make_steps(random_gradients(random, 3));
  const std::string path = vs::Saver().save(training.session, directory / "model");
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable w = vs::get_variable("model/w", {6, 2});
  const vs::ExponentialMovingAverage ema(0.5);
  vs::Session session(graph);
  vs::Saver(ema.variables_to_restore()).restore(session, path);
  const vs::Variable average = training.ema.average(training.w);
  BOOST_TEST(session.read({w})[0].same_bits(training.session.read({average})[0]));
}

BOOST_AUTO_TEST_CASE(OP6_slots_of_parts_are_saved_as_one) {
  const TemporaryDirectory directory;
  Random random(4);
  const std::vector<vs::Array> first = random_gradients(random, 3);
  const std::vector<vs::Array> second = random_gradients(random, 3);
  Training in_parts(false, vs::fixed_size_partitioner(4));
  in_parts.make_steps(first);
  const std::string path = vs::Saver().save(in_parts.session, directory / "model");
  Training whole;
  vs::Saver().restore(whole.session, path);
  in_parts.make_steps(second);
  whole.make_steps(second);
  BOOST_TEST(in_parts.session.run(in_parts.w).same_bits(whole.session.run(whole.w)));
  const vs::Variable part = in_parts.w.partitions()[3];
  const vs::Variable slot = in_parts.optimizer.get_slot(part, "v").partitioned_variable();
  BOOST_TEST(
      in_parts.session.run(slot).same_bits(whole.session.read({whole.optimizer.get_slot(whole.w, "v")})[0]));
  // And averages of a partitioned variable into a whole one.
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable w = vs::get_variable("model/w", {6, 2});
  vs::Session session(graph);
  vs::Saver(vs::ExponentialMovingAverage(0.5).variables_to_restore()).restore(session, path);
  BOOST_TEST((session.read({w})[0].shape() == vs::Shape{6, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
