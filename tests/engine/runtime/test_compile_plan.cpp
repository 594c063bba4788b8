// SPDX-License-Identifier: Apache-2.0
// What is left of a graph when it has become a plan: pruned, folded, fused, and laid out in memory.
#include "runtime/execution_plan.hpp"
#include "support/random.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_compile_plan)

namespace vs = varscope;
using vs::detail::ExecutionPlan;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Tensor x = vs::placeholder({2, 8, 8, 4}, {.name = "x"});
  vs::Array image = [] {
    vs::testing::Random random;
    vs::Array values({2, 8, 8, 4});
    for (float& element : values.values<float>()) element = random.uniform(-1, 1);
    return values;
  }();

  std::shared_ptr<const ExecutionPlan> compile(const std::vector<vs::Fetch>& fetches) const {
    const std::vector<vs::Tensor> feeds{x};
    const std::vector<vs::Array> values{image};
    return vs::detail::compile_plan({.feeds = feeds, .feed_values = values, .fetches = fetches});
  }

  static std::vector<std::string> steps(const ExecutionPlan& plan) {
    std::vector<std::string> names;
    for (const auto& step : plan.steps) names.push_back(step.node->name());
    return names;
  }

  /// Every intermediate result fetched as well, so that nothing can be fused: what the fused result must
  /// equal. The order in which a fused step rounds is its own, so all values are whole numbers, of which no
  /// sum rounds.
  vs::Array unfused(const vs::Tensor& last, std::vector<vs::Fetch> others) {
    others.emplace_back(last);
    vs::Session session(graph);
    load_whole_numbers(session);
    return session.run({{x, whole_numbers(image.shape(), 0)}}, others).back();
  }
  vs::Array fused(const vs::Tensor& last) {
    vs::Session session(graph);
    load_whole_numbers(session);
    return session.run({{x, whole_numbers(image.shape(), 0)}}, last);
  }

 private:
  static vs::Array whole_numbers(const vs::Shape& shape, std::uint64_t stream) {
    vs::testing::Random random(stream);
    vs::Array values(shape);
    for (float& element : values.values<float>()) element = static_cast<float>(random.integer(-9, 9));
    return values;
  }
  void load_whole_numbers(vs::Session& session) const {
    std::uint64_t stream = 0;
    std::vector<std::pair<vs::Variable, vs::Array>> values;
    for (const vs::Variable& variable : graph.global_variables())
      values.emplace_back(variable, whole_numbers(variable.shape(), ++stream));
    session.load(values);
  }
};

using Names = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(plans, Fixture)

BOOST_AUTO_TEST_CASE(only_what_is_fetched_is_run) {
  const vs::Tensor wanted = vs::exp(x);
  static_cast<void>(vs::tanh(x));
  BOOST_TEST((steps(*compile({wanted})) == Names{"Exp"}));
}

BOOST_AUTO_TEST_CASE(constants_are_folded) {
  const vs::Tensor two = vs::constant(1.0f) + 1.0f;
  const vs::Tensor result = x * vs::sqrt(two + two);
  const auto plan = compile({result});
  BOOST_TEST((steps(*plan) == Names{"mul"}));
  vs::Session session(graph);
  const vs::Array value = session.run({{x, image}}, result);
  BOOST_TEST(value.values<float>()[0] == image.values<float>()[0] * 2);
}

BOOST_AUTO_TEST_CASE(random_numbers_are_not_folded) {
  const vs::Tensor ones = vs::constant(vs::Array::of<float>({4}, {1, 1, 1, 1}));
  BOOST_TEST((compile({vs::dropout(ones, 0.5)})->steps.size() > 0));
}

BOOST_AUTO_TEST_CASE(convolution_bias_residual_and_activation_are_one_step) {
  const vs::Variable filter =
      vs::get_variable("filter", {3, 3, 4, 4}, {.initializer = vs::glorot_uniform_initializer(1)});
  const vs::Variable bias =
      vs::get_variable("bias", {4}, {.initializer = vs::random_normal_initializer(0, 1, 2)});
  const vs::Tensor conv = vs::conv2d(x, filter, {.padding = vs::Padding::same});
  const vs::Tensor biased = conv + bias;
  const vs::Tensor sum = biased + x;
  const vs::Tensor result = vs::relu(sum);
  BOOST_TEST((steps(*compile({result})) == Names{"Conv2D"}));
  BOOST_TEST(fused(result).same_bits(unfused(result, {conv, biased, sum})));
}

BOOST_AUTO_TEST_CASE(sigmoid_and_tanh_are_fused_too) {
  const vs::Variable filter =
      vs::get_variable("filter", {3, 3, 4, 6}, {.initializer = vs::glorot_uniform_initializer(1)});
  const vs::Tensor conv = vs::conv2d(x, filter, {.padding = vs::Padding::same});
  const vs::Tensor bounded = vs::sigmoid(conv);
  BOOST_TEST((steps(*compile({bounded})) == Names{"Conv2D"}));
  BOOST_TEST(fused(bounded).same_bits(unfused(bounded, {conv})));
  const vs::Variable weights =
      vs::get_variable("weights", {4, 5}, {.initializer = vs::glorot_uniform_initializer(2)});
  const vs::Tensor product = vs::matmul(vs::reshape(x, {-1, 4}), weights);
  const vs::Tensor result = vs::tanh(product);
  BOOST_TEST((steps(*compile({result})).back() == "MatMul"));
  BOOST_TEST(fused(result).same_bits(unfused(result, {product})));
}

BOOST_AUTO_TEST_CASE(max_pooling_is_fused_where_a_plan_can) {
  if (vs::instruction_set() == "reference") return;  // which has no such plan
  const vs::Variable bias = vs::get_variable("bias", {6}, {.initializer = vs::ones_initializer()});
  const auto convolution = [&](const char* algorithm, int filter_height, vs::Padding padding) {
    const auto scope =
        vs::variable_scope("height" + std::to_string(filter_height), {.reuse = vs::AUTO_REUSE});
    const vs::Variable filter = vs::get_variable("filter", {filter_height, 3, 4, 6},
                                                 {.initializer = vs::glorot_uniform_initializer(1)});
    return vs::conv2d(x, filter, {.padding = padding, .algorithm = algorithm}) + bias;
  };
  const vs::Tensor biased = convolution("winograd_1x4", 3, vs::Padding::same);
  const vs::Tensor activated = vs::relu(biased);
  const vs::Tensor result = vs::max_pool(activated);
  const auto count = [&](const std::vector<vs::Fetch>& fetches) { return compile(fetches)->steps.size(); };
  BOOST_TEST(count({result}) == 1u);
  BOOST_TEST(count({vs::max_pool(biased)}) == 1u);
  BOOST_TEST(count({vs::relu(result)}) == 2u);  // what follows is no part of it
  BOOST_TEST((fused(result).shape() == vs::Shape{2, 4, 4, 6}));
  BOOST_TEST(fused(result).same_bits(unfused(result, {activated})));
  // Not where the outputs themselves are wanted, where blocks overlap or a size is odd; nor by a plan that
  // cannot.
  BOOST_TEST(count({activated, result}) == 2u);
  BOOST_TEST(count({vs::max_pool(activated, {.ksize = {1, 3, 3, 1}})}) == 2u);
  BOOST_TEST(count({vs::avg_pool(activated)}) == 2u);
  BOOST_TEST(count({vs::max_pool(convolution("winograd_1x4", 2, vs::Padding::valid))}) == 2u);
  BOOST_TEST(count({vs::max_pool(convolution("direct", 3, vs::Padding::same))}) == 2u);
}

BOOST_AUTO_TEST_CASE(bias_add_and_the_bias_on_the_left_are_fused_too) {
  const vs::Variable filter =
      vs::get_variable("filter", {3, 3, 4, 6}, {.initializer = vs::glorot_uniform_initializer(1)});
  const vs::Variable bias =
      vs::get_variable("bias", {6}, {.initializer = vs::random_normal_initializer(0, 1, 2)});
  const vs::Tensor first = vs::bias_add(vs::conv2d(x, filter, {.padding = vs::Padding::same}), bias);
  BOOST_TEST((steps(*compile({first})) == Names{"Conv2D"}));
  const vs::Tensor second = bias + vs::conv2d(x, filter, {.padding = vs::Padding::same});
  BOOST_TEST((steps(*compile({second})) == Names{"Conv2D_1"}));
  BOOST_TEST(fused(first).same_bits(fused(second)));
}

BOOST_AUTO_TEST_CASE(what_gives_only_its_shape_is_not_computed) {
  const vs::Tensor any = vs::placeholder({-1, 8, 8, 4}, {.name = "any"});
  const vs::Tensor shape = vs::exp(vs::tanh(any));
  const vs::Tensor zeros = vs::zeros_like(shape);
  const std::vector<vs::Tensor> feeds{any};
  const std::vector<vs::Array> values{image};
  const auto plan_of = [&](const std::vector<vs::Fetch>& fetches) {
    return vs::detail::compile_plan({.feeds = feeds, .feed_values = values, .fetches = fetches});
  };
  BOOST_TEST((steps(*plan_of({zeros})) == Names{"zeros_like"}));
  BOOST_TEST((steps(*plan_of({zeros, shape})) == Names{"Tanh", "zeros_like", "Exp"}));
}

BOOST_AUTO_TEST_CASE(gradients_that_need_only_a_shape_leave_fusion_alone) {
  const vs::Variable filter =
      vs::get_variable("filter", {3, 3, 4, 4}, {.initializer = vs::glorot_uniform_initializer(1)});
  const vs::Variable bias =
      vs::get_variable("bias", {4}, {.initializer = vs::random_normal_initializer(0, 1, 2)});
  const vs::Tensor any = vs::placeholder({-1, 8, 8, 4}, {.name = "any"});
  const vs::Tensor result = vs::relu(vs::conv2d(any, filter) + bias + any);
  const vs::Tensor of_bias = vs::gradients({result}, {bias})[0];
  const std::vector<vs::Tensor> feeds{any};
  const std::vector<vs::Array> values{image};
  const std::vector<vs::Fetch> fetches{result, of_bias};
  const auto plan = vs::detail::compile_plan({.feeds = feeds, .feed_values = values, .fetches = fetches});
  // The sum of the two images may have to be summed again where the batch was repeated: here it was not.
  const Names expected{"gradients/grad_ys_0", "Conv2D", "gradients/Relu_grad/ReluGrad",
                       "gradients/add_grad/SumToShape"};
  Names names = steps(*plan);
  std::sort(names.begin(), names.begin() + 2);
  Names sorted = expected;
  std::sort(sorted.begin(), sorted.begin() + 2);
  BOOST_TEST((names == sorted));
}

BOOST_AUTO_TEST_CASE(what_somebody_else_needs_is_not_fused_away) {
  const vs::Variable filter =
      vs::get_variable("filter", {3, 3, 4, 4}, {.initializer = vs::glorot_uniform_initializer(1)});
  const vs::Tensor conv = vs::conv2d(x, filter, {.padding = vs::Padding::same});
  const vs::Tensor result = vs::relu(conv) + conv;
  BOOST_TEST((steps(*compile({result})) == Names{"Conv2D", "Relu", "add"}));
  const vs::Tensor active = vs::relu(conv);
  BOOST_TEST((steps(*compile({active, conv})) == Names{"Conv2D", "Relu_1"}));
}

BOOST_AUTO_TEST_CASE(a_second_bias_stays_a_step_of_its_own) {
  const vs::Variable filter =
      vs::get_variable("filter", {1, 1, 4, 4}, {.initializer = vs::glorot_uniform_initializer(1)});
  const vs::Variable bias =
      vs::get_variable("bias", {4}, {.initializer = vs::random_normal_initializer(0, 1, 2)});
  const vs::Variable other =
      vs::get_variable("other", {4}, {.initializer = vs::random_normal_initializer(0, 1, 3)});
  const vs::Tensor conv = vs::conv2d(x, filter, {.padding = vs::Padding::same});
  const vs::Tensor biased = conv + bias;
  const vs::Tensor twice = biased + other;
  BOOST_TEST((steps(*compile({twice})) == Names{"Conv2D", "add_1"}));
  BOOST_TEST(fused(twice).same_bits(unfused(twice, {conv, biased})));
}

BOOST_AUTO_TEST_CASE(two_convolutions_that_are_added_fuse_once_each) {
  const vs::Variable filter =
      vs::get_variable("filter", {3, 3, 4, 4}, {.initializer = vs::glorot_uniform_initializer(1)});
  const vs::Variable shortcut =
      vs::get_variable("shortcut", {1, 1, 4, 4}, {.initializer = vs::glorot_uniform_initializer(2)});
  const vs::Tensor a = vs::conv2d(x, filter, {.padding = vs::Padding::same});
  const vs::Tensor b = vs::conv2d(x, shortcut, {.padding = vs::Padding::same});
  const vs::Tensor sum = a + b;
  const vs::Tensor result = vs::relu(sum);
  BOOST_TEST(compile({result})->steps.size() == 2U);
  BOOST_TEST(fused(result).same_bits(unfused(result, {a, b, sum})));
}

BOOST_AUTO_TEST_CASE(views_take_no_step_and_no_memory) {
  const vs::Tensor flat = vs::reshape(vs::exp(x), {2, -1});
  const vs::Tensor result = vs::tanh(vs::identity(flat));
  const auto plan = compile({result});
  BOOST_TEST((steps(*plan) == Names{"Exp", "Tanh"}));
  BOOST_TEST(plan->arena_bytes == 0U);  // computed in place in the array of the result
}

BOOST_AUTO_TEST_CASE(a_long_chain_needs_no_more_memory_than_a_short_one) {
  const vs::Variable filter =
      vs::get_variable("filter", {3, 3, 4, 4}, {.initializer = vs::glorot_uniform_initializer(1)});
  const auto chain = [&](int length) {
    vs::Tensor y = x;
    for (int i = 0; i < length; ++i) y = vs::relu(vs::conv2d(y, filter, {.padding = vs::Padding::same}));
    return compile({y})->arena_bytes;
  };
  BOOST_TEST(chain(3) > 0U);
  BOOST_TEST(chain(20) == chain(3));
}

BOOST_AUTO_TEST_CASE(branches_run_in_one_wave) {
  const vs::Tensor result = vs::exp(x) * vs::tanh(x);
  const auto plan = compile({result});
  BOOST_TEST(plan->waves.size() == 2U);
  BOOST_TEST(plan->waves[0].end_step == 2U);
}

BOOST_AUTO_TEST_CASE(random_graphs_give_the_same_bits_whatever_is_fetched) {
  // Random chains and branches of elementwise operations: fetching everything forbids sharing memory and
  // computing in place, fetching one result allows it; both must agree.
  vs::testing::Random random;
  for (int round = 0; round < 40; ++round) {
    vs::Graph own;
    const auto mine = own.as_default();
    const vs::Tensor input = vs::placeholder({2, 8, 8, 4}, {.name = "input"});
    std::vector<vs::Tensor> values{input};
    std::vector<vs::Fetch> everything;
    for (int i = 0; i < 15; ++i) {
      const auto pick = [&] { return random.pick(values); };
      const vs::Tensor a = pick();
      const vs::Tensor b = pick();
      switch (random.integer(0, 5)) {
        case 0:
          values.push_back(vs::relu(a));
          break;
        case 1:
          values.push_back(vs::tanh(a));
          break;
        case 2:
          values.push_back(a + b);
          break;
        case 3:
          values.push_back(vs::reshape(vs::reshape(a, {-1}), {2, 8, 8, 4}));
          break;
        case 4:
          values.push_back(vs::negative(a));
          break;
        default:
          values.push_back(vs::maximum(a, b) * 0.5f);
          break;
      }
      everything.emplace_back(values.back());
    }
    vs::Session session(own);
    const std::vector<vs::Array> all = session.run({{input, image}}, everything);
    for (std::size_t i = 0; i < everything.size(); ++i) {
      BOOST_REQUIRE(session.run({{input, image}}, everything[i]).same_bits(all[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_filter_that_the_run_replaces_is_packed_in_the_arena) {
  const vs::Variable filter = vs::get_variable("filter", {3, 3, 4, 8});
  const vs::Tensor convolved = vs::conv2d(x, filter, {});
  const vs::Tensor decayed = vs::assign(filter, filter * 0.5F);
  const auto packing = [](const ExecutionPlan& plan) {
    for (const auto& step : plan.steps) {
      if (step.packed_input) return step.pack_source;
    }
    return vs::detail::PackSource::none;
  };
  BOOST_TEST((packing(*compile({convolved})) == vs::detail::PackSource::variable));
  BOOST_TEST((packing(*compile({convolved, decayed})) == vs::detail::PackSource::run));
  vs::Session session(graph);
  const auto before = session.run({{x, image}}, convolved);
  const auto [same, set] = session.run({{x, image}}, {convolved, decayed});
  BOOST_TEST(same.same_bits(before));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
