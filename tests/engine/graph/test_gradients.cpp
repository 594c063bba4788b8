// SPDX-License-Identifier: Apache-2.0
// gradients(): what it adds to a graph and what it is called, sums, stops and errors. The rules of operations
// are tested in tests/engine/ops/.
#include "support/messages.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_gradients)

namespace vs = varscope;
using vs::testing::contains;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();

  bool has(const std::string& name) const {
    const std::vector<vs::Operation> operations = graph.operations();
    return std::any_of(operations.begin(), operations.end(),
                       [&](const vs::Operation& operation) { return operation.name() == name; });
  }

  std::size_t count(const std::string& type) const {
    std::size_t count = 0;
    for (const vs::Operation& operation : graph.operations()) count += operation.type() == type ? 1U : 0U;
    return count;
  }

  /// The only element of the tensor, with 2 fed for x and 3 for y where they are given.
  double value(const vs::Tensor& tensor, const std::vector<vs::Tensor>& placeholders = {}) {
    vs::FeedDict feeds;
    float fed = 2;
    for (const vs::Tensor& placeholder : placeholders) feeds.add(placeholder, vs::Array::scalar(fed++));
    vs::Session session(graph);
    return session.run(feeds, tensor).item();
  }
};

vs::Tensor scalar(const std::string& name) {
  return vs::placeholder({}, {.name = name});
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(building, Fixture)

BOOST_AUTO_TEST_CASE(a_product_is_differentiated_with_the_names_of_tensorflow) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = scalar("y");
  const vs::Tensor z = vs::multiply(vs::square(x), y, "product");
  const std::vector<vs::Tensor> of = vs::gradients({z}, {x, y});
  BOOST_REQUIRE(of.size() == 2U);
  BOOST_TEST(value(of[0], {x, y}) == 12);  // 2 x y
  BOOST_TEST(value(of[1], {x, y}) == 4);   // x^2
  BOOST_TEST(of[1].op().name() == "gradients/product_grad/Mul_1");
  BOOST_TEST(of[0].op().name().starts_with("gradients/Square_grad/"));
  BOOST_TEST(has("gradients/grad_ys_0"));
  BOOST_TEST((of[0].shape() == x.shape()));
  BOOST_TEST((of[0].dtype() == vs::float32));
}

BOOST_AUTO_TEST_CASE(operations_carry_the_line_of_what_they_belong_to) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor z = vs::square(x);
  const std::vector<vs::Tensor> of = vs::gradients({z}, {x});
  const unsigned call = __LINE__ - 1;
  BOOST_TEST(graph.get_operation_by_name("gradients/grad_ys_0").where().line() == call);
  BOOST_TEST(of[0].op().where().line() == call - 1);
  BOOST_TEST(std::string(of[0].op().where().file_name()).find("test_gradients.cpp") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(name_scopes_nest_and_are_made_unique) {
  const vs::Tensor x = scalar("x");
  vs::Tensor z;
  {
    const auto scope = vs::name_scope("layer");
    z = vs::square(x);
  }
  vs::gradients({z}, {x});
  BOOST_TEST(has("gradients/layer/Square_grad/Mul"));
  vs::gradients({z}, {x});
  BOOST_TEST(has("gradients_1/layer/Square_grad/Mul"));
  vs::gradients({z}, {x}, {.name = "slopes"});
  BOOST_TEST(has("slopes/layer/Square_grad/Mul"));
  const auto scope = vs::name_scope("train");
  vs::gradients({z}, {x});
  BOOST_TEST(has("train/gradients/layer/Square_grad/Mul"));
  BOOST_TEST(vs::current_name_scope() == "train/");
}

BOOST_AUTO_TEST_CASE(several_gradients_of_one_tensor_are_added) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor z = vs::square(x) + x * 5 + x * x;
  const vs::Tensor of = vs::gradients({z}, {x})[0];
  BOOST_TEST(of.op().name() == "gradients/AddN");
  BOOST_TEST(of.op().type() == "AddN");
  BOOST_TEST(of.op().inputs().size() == 4U);  // x * x uses it twice
  BOOST_TEST(count("AddN") == 1U);
  BOOST_TEST(value(of, {x}) == 4 * 2 + 5);
}

BOOST_AUTO_TEST_CASE(the_gradients_of_several_ys_are_added) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = vs::square(x);
  const vs::Tensor z = y * 3;
  BOOST_TEST(value(vs::gradients({y, z}, {x})[0], {x}) == 4 + 12);
  BOOST_TEST(value(vs::gradients({y, y}, {x})[0], {x}) == 8);
  BOOST_TEST(value(vs::gradients({x}, {x})[0], {x}) == 1);
  const std::vector<vs::Tensor> of = vs::gradients({z}, {x, y, x, z});  // y and z lie between
  BOOST_TEST(value(of[0], {x}) == 12);
  BOOST_TEST(value(of[1], {x}) == 3);
  BOOST_TEST((of[2] == of[0]));
  BOOST_TEST(value(of[3], {x}) == 1);
}

BOOST_AUTO_TEST_CASE(grad_ys_weight_the_ys) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = vs::square(x);
  const vs::Tensor weight = vs::constant(10.0);
  BOOST_TEST(value(vs::gradients({y}, {x}, {.grad_ys = {weight}})[0], {x}) == 40);
  BOOST_TEST(value(vs::gradients({y, x}, {x}, {.grad_ys = {weight, vs::Tensor()}})[0], {x}) == 41);
  BOOST_TEST((vs::gradients({x}, {x}, {.grad_ys = {weight}})[0] == weight));
}

BOOST_AUTO_TEST_CASE(shapes_that_only_a_run_knows_are_no_obstacle) {
  const vs::Tensor x = vs::placeholder();
  const vs::Tensor bias = vs::placeholder(vs::Shape::unknown());
  const std::vector<vs::Tensor> of = vs::gradients({vs::square(x) + bias}, {x, bias});
  vs::Session session(graph);
  const auto results = session.run(
      {{x, vs::Array::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})}, {bias, vs::Array::of<float>({3}, {0, 0, 0})}},
      {of[0], of[1]});
  BOOST_TEST(results[0].same_bits(vs::Array::of<float>({2, 3}, {2, 4, 6, 8, 10, 12})));
  BOOST_TEST(results[1].same_bits(vs::Array::of<float>({3}, {2, 2, 2})));
}

BOOST_AUTO_TEST_CASE(a_shared_variable_gets_the_sum_of_its_uses) {
  const vs::Tensor x = vs::placeholder({3}, {.name = "x"});
  const auto layer = [&](const vs::Tensor& input) {
    const auto scope = vs::variable_scope("layer", {.reuse = vs::AUTO_REUSE});
    return input * vs::get_variable("weights", {3}, {.initializer = vs::constant_initializer(2)});
  };
  const vs::Tensor loss = vs::reduce_sum(layer(layer(x)));
  const std::vector<vs::Tensor> of = vs::gradients({loss}, graph.trainable_variables());
  BOOST_REQUIRE(of.size() == 1U);
  BOOST_TEST(of[0].op().name() == "gradients/AddN");
  BOOST_TEST((of[0].shape() == vs::Shape{3}));
  vs::Session session(graph);
  const vs::Array result = session.run({{x, vs::Array::of<float>({3}, {1, 2, 3})}}, of[0]);
  BOOST_TEST(result.same_bits(vs::Array::of<float>({3}, {4, 8, 12})));  // 2 w x
}

BOOST_AUTO_TEST_CASE(the_parts_of_a_variable_get_their_parts) {
  const vs::Variable whole = vs::get_variable(
      "w", {4}, {.initializer = vs::constant_initializer(3), .partitioner = vs::fixed_size_partitioner(2)});
  const vs::Tensor loss = vs::reduce_sum(whole * vs::constant({1.0, 2.0, 3.0, 4.0}));
  const std::vector<vs::Tensor> of = vs::gradients({loss}, whole.partitions());
  vs::Session session(graph);
  const auto results = session.run({}, {of[0], of[1]});
  BOOST_TEST(results[0].same_bits(vs::Array::of<float>({2}, {1, 2})));
  BOOST_TEST(results[1].same_bits(vs::Array::of<float>({2}, {3, 4})));
}

BOOST_AUTO_TEST_CASE(what_no_y_depends_on_has_no_gradient) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = scalar("y");
  const vs::Tensor count = vs::placeholder({}, {.dtype = vs::int32, .name = "count"});
  const vs::Tensor z = vs::square(x) * vs::cast(count, vs::float32);
  const std::size_t before = graph.operations().size();
  BOOST_TEST(!vs::gradients({z}, {y})[0]);
  BOOST_TEST(!vs::gradients({x}, {z})[0]);
  BOOST_TEST(!vs::gradients({z}, {count})[0]);  // nothing flows to integers
  BOOST_TEST(vs::gradients({z}, vs::TensorList(std::vector<vs::Tensor>{})).empty());
  BOOST_TEST(graph.operations().size() == before);
  const std::vector<vs::Tensor> of = vs::gradients({z}, {y, x});
  BOOST_TEST(!of[0]);
  BOOST_TEST(!!of[1]);
}

BOOST_AUTO_TEST_CASE(only_what_lies_between_is_differentiated) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = scalar("y");
  const vs::Tensor z = vs::square(x, "first") * vs::square(y, "second");
  vs::gradients({z}, {x});
  BOOST_TEST(has("gradients/first_grad/Mul"));
  BOOST_TEST(!has("gradients/second_grad/Mul"));
}

BOOST_AUTO_TEST_CASE(stop_gradient_lets_values_through_but_no_gradients) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor fixed = vs::stop_gradient(x);
  BOOST_TEST(fixed.op().name() == "StopGradient");
  BOOST_TEST(fixed.op().type() == "StopGradient");
  BOOST_TEST(value(fixed, {x}) == 2);
  BOOST_TEST(value(vs::gradients({x * fixed}, {x})[0], {x}) == 2);  // not 4
  BOOST_TEST(!vs::gradients({fixed * 3}, {x})[0]);
  BOOST_TEST(value(vs::gradients({fixed * 3}, {fixed})[0], {x}) == 3);
}

BOOST_AUTO_TEST_CASE(stop_gradients_count_as_constants) {
  // TensorFlow's own example: partial derivatives of a + b, where b = 2 a.
  const vs::Tensor a = scalar("a");
  const vs::Tensor b = 2 * a;
  const vs::Tensor sum = a + b;
  const std::vector<vs::Tensor> total = vs::gradients({sum}, {a, b});
  BOOST_TEST(value(total[0], {a}) == 3);
  BOOST_TEST(value(total[1], {a}) == 1);
  const std::vector<vs::Tensor> partial = vs::gradients({sum}, {a, b}, {.stop_gradients = {a, b}});
  BOOST_TEST(value(partial[0], {a}) == 1);
  BOOST_TEST(value(partial[1], {a}) == 1);
  // What lies before a stop does not wait for it.
  const vs::Tensor middle = vs::square(a);
  const vs::Tensor end = vs::square(middle) * 3 + middle * a;
  BOOST_TEST(value(vs::gradients({end}, {a}, {.stop_gradients = {middle}})[0], {a}) == 4);
  BOOST_TEST(!vs::gradients({b}, {a}, {.stop_gradients = {b}})[0]);
}

BOOST_AUTO_TEST_CASE(gradients_have_gradients) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor cube = x * x * x;
  const vs::Tensor first = vs::gradients({cube}, {x})[0];
  const vs::Tensor second = vs::gradients({first}, {x})[0];
  BOOST_TEST(value(first, {x}) == 12);
  BOOST_TEST(value(second, {x}) == 12);  // 6 x
  BOOST_TEST(value(vs::gradients({second}, {x})[0], {x}) == 6);
}

BOOST_AUTO_TEST_CASE(depth_is_no_obstacle_and_work_is_linear) {
  // One chain of 100,000 operations whose every second one uses x again: only a linear walk ends soon.
  const vs::Tensor x = scalar("x");
  vs::Tensor sum = x;
  for (int i = 0; i < 50000; ++i) sum = vs::identity(sum) + x;
  const vs::Tensor of = vs::gradients({sum}, {x})[0];
  BOOST_TEST(of.op().inputs().size() == 50001U);
  BOOST_TEST(count("AddN") == 1U);
}

BOOST_AUTO_TEST_CASE(another_graph_than_the_default_one_is_built_into) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = vs::square(x);
  vs::Graph other;
  const auto elsewhere = other.as_default();
  const vs::Tensor of = vs::gradients({y}, {x})[0];
  BOOST_TEST(&of.graph() == &graph);
  BOOST_TEST(other.operations().empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(errors, Fixture)

namespace {

/// What gradients() says that must throw an Exception.
template <typename Exception>
std::string refusal(const vs::TensorList& ys, const vs::TensorList& xs, vs::GradientsOptions options = {}) {
  try {
    vs::gradients(ys, xs, std::move(options));
  } catch (const Exception& error) {
    return error.what();
  }
  BOOST_TEST(false, "nothing was thrown");
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_operation_without_a_rule_is_named_with_both_lines) {
  const vs::Variable v = vs::get_variable("v", {}, {.initializer = vs::zeros_initializer()});
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = vs::square(vs::assign(v, x));
  const unsigned made = __LINE__ - 1;
  const std::string message = refusal<vs::UnimplementedError>({y}, {x});
  BOOST_TEST(contains(message, "'Assign' (Assign, made at "));
  BOOST_TEST(contains(message, "test_gradients.cpp:" + std::to_string(made)));
  BOOST_TEST(contains(message, "gradients() at "));
  BOOST_TEST(contains(message, "stop_gradient()"));
  BOOST_TEST(vs::current_name_scope().empty());
  BOOST_CHECK_NO_THROW(vs::gradients({y * x}, {x}, {.stop_gradients = {y}}));
  BOOST_CHECK_NO_THROW(vs::gradients({y}, {scalar("z")}));  // it does not lie between
}

BOOST_AUTO_TEST_CASE(integers_have_no_gradient) {
  const vs::Tensor x = vs::placeholder({2}, {.dtype = vs::int32, .name = "x"});
  const std::string message = refusal<vs::TypeError>({x + x}, {x});
  BOOST_TEST(contains(message, "ys[0], 'add:0' (int32[2], made at "));
  BOOST_TEST(contains(message, "cast()"));
}

BOOST_AUTO_TEST_CASE(grad_ys_must_fit) {
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  const vs::Tensor y = vs::square(x);
  BOOST_TEST(contains(refusal<vs::ValueError>({y}, {x}, {.grad_ys = {x, x}}), "grad_ys has 2 elements"));
  BOOST_TEST(contains(refusal<vs::ValueError>({y}, {x}, {.grad_ys = {scalar("s")}}), "float32[]"));
  const vs::Tensor wide = vs::placeholder({2}, {.dtype = vs::float64});
  BOOST_TEST(contains(refusal<vs::TypeError>({y}, {x}, {.grad_ys = {wide}}), "float64[2]"));
}

BOOST_AUTO_TEST_CASE(only_tensors_of_one_graph_are_taken) {
  const vs::Tensor x = scalar("x");
  BOOST_TEST(contains(refusal<vs::ValueError>({x}, {1}), "xs[0] is a number"));
  BOOST_TEST(contains(refusal<vs::ValueError>({x, vs::Tensor()}, {x}), "ys[1]"));
  BOOST_TEST(
      contains(refusal<vs::ValueError>(vs::TensorList(std::vector<vs::Tensor>{}), {x}), "ys is empty"));
  BOOST_TEST(
      contains(refusal<vs::ValueError>({x}, {x}, {.stop_gradients = {vs::Tensor()}}), "stop_gradients[0]"));
  vs::Graph other;
  const auto elsewhere = other.as_default();
  const vs::Tensor y = scalar("y");
  BOOST_TEST(contains(refusal<vs::ValueError>({x}, {y}), "xs[0], 'y:0', belongs to another graph"));
}

BOOST_AUTO_TEST_CASE(a_finalized_graph_gets_nothing) {
  const vs::Tensor x = scalar("x");
  const vs::Tensor y = vs::square(x);
  graph.finalize();
  BOOST_CHECK_THROW(vs::gradients({y}, {x}), vs::RuntimeError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
