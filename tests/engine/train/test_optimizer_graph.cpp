// SPDX-License-Identifier: Apache-2.0
// What optimizers add to a graph (SEMANTICS OP1 to OP10, P2), and what they refuse. Gradients are
// placeholders.
#include "support/messages.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_optimizer_graph)

namespace vs = varscope;
using vs::testing::contains;

namespace {

using Names = std::vector<std::string>;

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();

  static vs::Variable variable(const char* name, vs::Shape shape = {2}) {
    return vs::get_variable(name, std::move(shape), {.initializer = vs::zeros_initializer()});
  }
  static vs::GradientAndVariable with_ones(const vs::Variable& variable) {
    return {vs::ones(variable.shape()), variable};
  }
  Names variable_names() const {
    Names names;
    for (const vs::Variable& variable : graph.global_variables()) names.push_back(variable.op().name());
    return names;
  }
  bool has_operation(const std::string& name) const {
    const std::vector<vs::Operation> all = graph.operations();
    return std::any_of(all.begin(), all.end(), [&](const vs::Operation& op) { return op.name() == name; });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(optimizers, Fixture)

BOOST_AUTO_TEST_CASE(OP1_slots_are_named_after_their_variable) {
  vs::Variable weights;
  {
    const auto scope = vs::variable_scope("conv1");
    weights = variable("weights");
  }
  const vs::Variable bias = variable("bias");
  const std::vector<vs::GradientAndVariable> pairs{with_ones(weights), with_ones(bias)};
  vs::AdamOptimizer adam;
  vs::MomentumOptimizer momentum(0.1, 0.9);
  vs::AdagradOptimizer adagrad(0.1);
  vs::RMSPropOptimizer rmsprop(0.1);
  vs::RMSPropOptimizer centered(0.1, {.centered = true, .name = "Centered"});
  vs::GradientDescentOptimizer plain(0.1);
  for (vs::Optimizer* optimizer :
       std::vector<vs::Optimizer*>{&adam, &momentum, &adagrad, &rmsprop, &centered, &plain}) {
    (void)optimizer->apply_gradients(pairs);
  }
  const Names expected{"conv1/weights",
                       "bias",
                       "beta1_power",
                       "beta2_power",
                       "conv1/weights/Adam",
                       "conv1/weights/Adam_1",
                       "bias/Adam",
                       "bias/Adam_1",
                       "conv1/weights/Momentum",
                       "bias/Momentum",
                       "conv1/weights/Adagrad",
                       "bias/Adagrad",
                       "conv1/weights/RMSProp",
                       "conv1/weights/RMSProp_1",
                       "bias/RMSProp",
                       "bias/RMSProp_1",
                       "conv1/weights/Centered",
                       "conv1/weights/Centered_1",
                       "conv1/weights/Centered_2",
                       "bias/Centered",
                       "bias/Centered_1",
                       "bias/Centered_2"};
  BOOST_TEST(variable_names() == expected, boost::test_tools::per_element());
  BOOST_TEST((adam.get_slot_names() == Names{"m", "v"}));
  BOOST_TEST((momentum.get_slot_names() == Names{"momentum"}));
  BOOST_TEST((adagrad.get_slot_names() == Names{"accumulator"}));
  BOOST_TEST((rmsprop.get_slot_names() == Names{"momentum", "rms"}));
  BOOST_TEST((centered.get_slot_names() == Names{"mg", "momentum", "rms"}));
  BOOST_TEST(plain.get_slot_names().empty());
  BOOST_TEST(adam.get_slot(weights, "v").op().name() == "conv1/weights/Adam_1");
  BOOST_TEST(centered.get_slot(bias, "rms").op().name() == "bias/Centered");
  BOOST_TEST(centered.get_slot(bias, "mg").op().name() == "bias/Centered_1");
  BOOST_TEST(centered.get_slot(bias, "momentum").op().name() == "bias/Centered_2");
  BOOST_TEST(!adam.get_slot(weights, "momentum"));
  BOOST_TEST((adam.get_slot(weights, "m").shape() == vs::Shape{2}));
}

BOOST_AUTO_TEST_CASE(OP5_slots_are_global_and_not_trained) {
  const vs::Variable w = variable("w");
  vs::AdamOptimizer optimizer;
  (void)optimizer.apply_gradients({with_ones(w)});
  BOOST_TEST(graph.global_variables().size() == 5U);
  BOOST_TEST((graph.trainable_variables() == std::vector<vs::Variable>{w}));
  vs::Session session(graph);
  const std::vector<vs::Array> start = session.read(optimizer.variables(graph));
  BOOST_REQUIRE(start.size() == 4U);
  BOOST_TEST(start[0].item() == static_cast<double>(0.9F));
  BOOST_TEST(start[2].same_bits(vs::Array(vs::Shape{2})));
  vs::AdagradOptimizer adagrad(0.1, {.initial_accumulator_value = 0.5});
  vs::RMSPropOptimizer rmsprop(0.1);
  (void)adagrad.apply_gradients({with_ones(w)});
  (void)rmsprop.apply_gradients({with_ones(w)});
  BOOST_TEST(session.read({adagrad.get_slot(w, "accumulator")})[0].values<float>()[1] == 0.5F);
  BOOST_TEST(session.read({rmsprop.get_slot(w, "rms")})[0].values<float>()[1] == 1.0F);
}

BOOST_AUTO_TEST_CASE(OP2_a_second_optimizer_goes_on_counting_and_one_object_uses_its_own_again) {
  const vs::Variable w = variable("w");
  vs::AdamOptimizer first;
  vs::AdamOptimizer second;
  (void)first.apply_gradients({with_ones(w)});
  (void)second.apply_gradients({with_ones(w)});
  (void)first.apply_gradients({with_ones(w)});
  BOOST_TEST((variable_names() == Names{"w", "beta1_power", "beta2_power", "w/Adam", "w/Adam_1",
                                        "beta1_power_1", "beta2_power_1", "w/Adam_2", "w/Adam_3"}));
}

// Decision 9: in TensorFlow these would be "s/s/w/Adam" and errors (OP1, OP3, OP4, OP6).
BOOST_AUTO_TEST_CASE(OP3_scopes_reuse_flags_partitioners_and_getters_do_not_matter) {
  vs::Variable w;
  {
    const auto scope = vs::variable_scope("s");
    w = variable("w", {4});
  }
  vs::AdamOptimizer optimizer;
  int asked = 0;
  {
    const auto scope = vs::variable_scope(
        "s", {.initializer = vs::ones_initializer(),
              .reuse = true,
              .partitioner = vs::fixed_size_partitioner(2),
              .custom_getter = [&](const vs::VariableGetter& getter, vs::GetterArguments arguments) {
                ++asked;
                return getter(std::move(arguments));
              }});
    const auto inner = vs::name_scope("inner");
    const vs::Operation train = optimizer.apply_gradients({with_ones(w)});
    BOOST_TEST(train.name() == "s_1/inner/Adam");
  }
  BOOST_TEST(asked == 0);
  BOOST_TEST((variable_names() == Names{"s/w", "beta1_power", "beta2_power", "s/w/Adam", "s/w/Adam_1"}));
  vs::Session session(graph);
  BOOST_TEST(session.read({optimizer.get_slot(w, "m")})[0].values<float>()[0] == 0.0F);
}

BOOST_AUTO_TEST_CASE(OP6_slots_of_parts_are_parts) {
  const vs::Variable w = vs::get_variable(
      "w", {5, 2}, {.initializer = vs::zeros_initializer(), .partitioner = vs::fixed_size_partitioner(2)});
  const std::vector<vs::Variable> parts = w.partitions();
  vs::AdamOptimizer optimizer(0.5);
  const vs::Operation train = optimizer.apply_gradients({with_ones(parts[0]), with_ones(parts[1])});
  BOOST_TEST(optimizer.get_slot(parts[0], "m").op().name() == "w/part_0/Adam");
  BOOST_TEST(optimizer.get_slot(parts[1], "v").op().name() == "w/part_1/Adam_1");
  const vs::Variable whole = optimizer.get_slot(parts[1], "v").partitioned_variable();
  BOOST_REQUIRE(whole.is_partitioned());
  BOOST_TEST(whole.name() == "w/Adam_1");
  BOOST_TEST((whole.shape() == vs::Shape{5, 2}));
  BOOST_TEST(optimizer.get_slot(parts[0], "m").partitioned_variable().name() == "w/Adam");
  BOOST_TEST(
      (optimizer.get_slot(parts[1], "v").partition_info().var_offset() == std::vector<std::int64_t>{3, 0}));
  vs::Session session(graph);
  (void)session.run(train);
  const vs::Array values = session.run(w);
  for (float element : values.values<float>()) BOOST_TEST(element < -0.4F);
}

BOOST_AUTO_TEST_CASE(OP8_names_of_operations) {
  vs::Variable weights;
  {
    const auto scope = vs::variable_scope("conv1");
    weights = variable("weights");
  }
  const vs::Variable bias = variable("bias");
  vs::GradientDescentOptimizer optimizer(0.5);
  const vs::Operation train = optimizer.apply_gradients({with_ones(weights), with_ones(bias)});
  BOOST_TEST(train.name() == "GradientDescent");
  BOOST_TEST(train.type() == "NoOp");
  BOOST_REQUIRE(train.control_inputs().size() == 2U);
  const vs::Operation update = train.control_inputs()[0];
  BOOST_TEST(update.name() == "GradientDescent/update_conv1/weights/ApplyGradientDescent");
  BOOST_TEST(update.type() == "ApplyGradientDescent");
  BOOST_TEST(update.inputs()[0].name() == "conv1/weights:0");
  BOOST_TEST(update.inputs()[1].name() == "GradientDescent/learning_rate:0");
  BOOST_TEST(train.control_inputs()[1].name() == "GradientDescent/update_bias/ApplyGradientDescent");
  const vs::Operation mine = optimizer.apply_gradients({with_ones(bias)}, {.name = "mine"});
  BOOST_TEST(mine.name() == "mine");
  BOOST_TEST(has_operation("mine/update_bias/ApplyGradientDescent"));

  vs::AdamOptimizer adam;
  const vs::Operation adam_train = adam.apply_gradients({with_ones(bias)});
  Names last;
  for (const vs::Operation& operation : adam_train.control_inputs()) last.push_back(operation.name());
  BOOST_TEST((last == Names{"Adam/update_bias/ApplyAdam", "Adam/Assign", "Adam/Assign_1"}));
  for (const char* name :
       {"Adam/learning_rate", "Adam/beta1", "Adam/beta2", "Adam/epsilon", "Adam/mul", "Adam/mul_1"}) {
    BOOST_TEST(has_operation(name), name);
  }
}

BOOST_AUTO_TEST_CASE(OP9_the_global_step_is_incremented_after_the_updates) {
  const vs::Variable w = variable("w");
  const vs::Variable step = vs::get_or_create_global_step();
  vs::GradientDescentOptimizer optimizer(0.5);
  const vs::Operation train = optimizer.apply_gradients({with_ones(w)}, {.global_step = step});
  BOOST_TEST(train.name() == "GradientDescent");
  BOOST_TEST(train.type() == "AssignAdd");
  BOOST_REQUIRE(train.control_inputs().size() == 1U);
  BOOST_TEST(train.control_inputs()[0].name() == "GradientDescent/update");
  vs::Session session(graph);
  for (int i = 0; i < 3; ++i) (void)session.run(train);
  const std::vector<vs::Array> values = session.read({step, w});
  BOOST_TEST(values[0].values<std::int64_t>()[0] == 3);
  BOOST_TEST(values[1].values<float>()[0] == -1.5F);
}

BOOST_AUTO_TEST_CASE(OP10_the_collection_train_op) {
  vs::GradientDescentOptimizer optimizer(0.5);
  const vs::Operation train = optimizer.apply_gradients({with_ones(variable("w"))});
  const std::vector<vs::CollectionItem> collected = graph.get_collection(vs::GraphKeys::TRAIN_OP);
  BOOST_TEST((collected == std::vector<vs::CollectionItem>{train}));
}

BOOST_AUTO_TEST_CASE(P2_the_constraint_runs_after_the_update) {
  const vs::Variable w = vs::get_variable(
      "w", {2},
      {.initializer = vs::zeros_initializer(),
       .constraint = vs::Constraint([](const vs::Tensor& value) { return vs::maximum(value, -0.75F); })});
  vs::MomentumOptimizer optimizer(0.5, 1.0);
  const vs::Operation train = optimizer.apply_gradients({with_ones(w)});
  BOOST_TEST(has_operation("Momentum/update_w/Assign"));
  vs::Session session(graph);
  (void)session.run(train);
  BOOST_TEST(session.read({w})[0].values<float>()[1] == -0.5F);
  (void)session.run(train);  // to -1.5, and back
  const std::vector<vs::Array> values = session.read({w, optimizer.get_slot(w, "momentum")});
  BOOST_TEST(values[0].values<float>()[1] == -0.75F);
  BOOST_TEST(values[1].values<float>()[1] == 2.0F);

  const vs::Variable x = vs::get_variable(
      "x", {2},
      {.initializer = vs::zeros_initializer(),
       .constraint = vs::Constraint([](const vs::Tensor& value) { return vs::reduce_sum(value); })});
  BOOST_CHECK_EXCEPTION(optimizer.apply_gradients({with_ones(x)}), vs::ValueError,
                        [](const vs::Error& error) {
                          return contains(error, {"update_x/Assign", "float32[]", "float32[2]"});
                        });
}

BOOST_AUTO_TEST_CASE(a_step_is_one_commit_and_reads_what_was_before) {
  const vs::Variable v = variable("v");
  const vs::Variable w = variable("w");
  vs::GradientDescentOptimizer optimizer(1.0);
  // Each variable's gradient is made from the other: both from before the step.
  const vs::Operation train = optimizer.apply_gradients({{w - 1.0F, v}, {v - 2.0F, w}});
  vs::Session session(graph);
  const std::vector<vs::Fetch> fetches{train, v, w};
  const std::vector<vs::Array> seen = session.run({}, fetches);
  BOOST_TEST(seen[1].values<float>()[0] == 0.0F);
  const std::vector<vs::Array> values = session.read({v, w});
  BOOST_TEST(values[0].values<float>()[0] == 1.0F);
  BOOST_TEST(values[1].values<float>()[0] == 2.0F);
}

BOOST_AUTO_TEST_CASE(variables_without_gradient_are_skipped) {
  const vs::Variable v = variable("v");
  const vs::Variable w = variable("w");
  vs::MomentumOptimizer optimizer(1.0, 0.9);
  (void)optimizer.apply_gradients({{vs::Tensor(), v}, with_ones(w)});
  BOOST_TEST(!optimizer.get_slot(v, "momentum"));
  BOOST_TEST((variable_names() == Names{"v", "w", "w/Momentum"}));
}

BOOST_AUTO_TEST_CASE(OP7_what_is_refused) {
  const vs::Variable v = variable("v");
  vs::AdamOptimizer optimizer;
  BOOST_CHECK_EXCEPTION(optimizer.apply_gradients({}), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"Adam", "no variables", "test_optimizer_graph.cpp"});
  });
  BOOST_CHECK_EXCEPTION(optimizer.apply_gradients({{vs::Tensor(), v}, {vs::Tensor(), variable("w")}}),
                        vs::ValueError, [](const vs::Error& error) {
                          return contains(error, {"no gradient", "v:0", "w:0"});
                        });
  BOOST_CHECK_EXCEPTION(
      optimizer.apply_gradients({{vs::ones({3}), v}}), vs::ValueError, [](const vs::Error& error) {
        return contains(error, {"'grad'", "float32[3]", "variable v", "Adam/update_v/ApplyAdam"});
      });
  BOOST_CHECK_EXCEPTION(optimizer.apply_gradients({{vs::ones({2}, {.dtype = vs::float64}), v}}),
                        vs::TypeError, [](const vs::Error& error) {
                          return contains(error, {"'grad'", "float64", "float32"});
                        });
  const vs::Variable counter = vs::get_variable("counter", {2}, {.dtype = vs::int32, .trainable = false});
  BOOST_CHECK_THROW(optimizer.apply_gradients({{vs::ones({2}, {.dtype = vs::int32}), counter}}),
                    vs::TypeError);
  BOOST_CHECK_THROW(optimizer.apply_gradients({{vs::ones({2}), vs::Variable()}}),
                    vs::FailedPreconditionError);
  BOOST_CHECK_EXCEPTION(optimizer.apply_gradients({with_ones(v)}, {.global_step = v}), vs::TypeError,
                        [](const vs::Error& error) {
                          return contains(error, {"v:0", "integer scalar"});
                        });
  vs::GradientDescentOptimizer of_vector(vs::ones({2}));
  BOOST_CHECK_EXCEPTION(of_vector.apply_gradients({with_ones(v)}), vs::TypeError, [](const vs::Error& error) {
    return contains(error, {"'learning_rate'", "float32[2]", "scalar"});
  });
  BOOST_CHECK_THROW(vs::GradientDescentOptimizer(0.1, {.name = ""}), vs::ValueError);
  BOOST_CHECK_THROW(vs::AdagradOptimizer(0.1, {.initial_accumulator_value = 0}), vs::ValueError);
  BOOST_CHECK_THROW(vs::AdamOptimizer(0.1, {.beta1 = vs::constant(0.9)}), vs::TypeError);
  vs::GradientDescentOptimizer late(0.1);
  const vs::GradientAndVariable pair = with_ones(v);
  graph.finalize();
  BOOST_CHECK_THROW(late.apply_gradients({pair}), vs::RuntimeError);
}

BOOST_AUTO_TEST_CASE(one_object_serves_several_graphs) {
  vs::MomentumOptimizer optimizer(1.0, 0.5);
  for (int repetition = 0; repetition < 3; ++repetition) {
    vs::Graph other;
    const auto in_other = other.as_default();
    const vs::Variable v = variable("v");
    const vs::Operation train = optimizer.apply_gradients({with_ones(v)});
    vs::Session session(other);
    (void)session.run(train);
    BOOST_TEST(session.read({v})[0].values<float>()[0] == -1.0F);
    BOOST_TEST(optimizer.get_slot(v, "momentum").op().name() == "v/Momentum");
    BOOST_TEST(optimizer.variables(other).size() == 1U);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
