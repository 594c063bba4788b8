// SPDX-License-Identifier: Apache-2.0
// "Sharing Variables", block by block: each case is one code block of TensorFlow's tutorial (or a few that
// belong together), in its order, and reads like it. What the text around a block claims is checked after it.
#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_tutorial)

namespace vs = varscope;

namespace {

// A small image: what is tested here are names and sharing. The filters are the tutorial's.
const vs::Shape image_shape{1, 6, 6, 32};

vs::Array image(std::uint64_t number) {
  return vs::random_uniform_initializer()(image_shape, vs::float32, {number, 0});
}

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Tensor image1 = vs::placeholder(image_shape, {.name = "image1"});
  vs::Tensor image2 = vs::placeholder(image_shape, {.name = "image2"});
};

std::vector<std::string> variable_names() {
  std::vector<std::string> names;
  for (const vs::Variable& variable : vs::global_variables()) names.push_back(variable.name());
  return names;
}

bool says(const vs::Error& error, std::string_view fact) {
  return std::string_view(error.what()).find(fact) != std::string_view::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(the_problem, Fixture)

namespace with_variables_of_its_own {

vs::Tensor my_image_filter(vs::Tensor input_images) {
  auto conv1_weights =
      vs::Variable(vs::random_normal_initializer(), {5, 5, 32, 32}, {.name = "conv1_weights"});
  auto conv1_biases = vs::Variable(vs::zeros_initializer(), {32}, {.name = "conv1_biases"});
  auto conv1 =
      vs::conv2d(input_images, conv1_weights, {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  auto relu1 = vs::relu(conv1 + conv1_biases);

  auto conv2_weights =
      vs::Variable(vs::random_normal_initializer(), {5, 5, 32, 32}, {.name = "conv2_weights"});
  auto conv2_biases = vs::Variable(vs::zeros_initializer(), {32}, {.name = "conv2_biases"});
  auto conv2 = vs::conv2d(relu1, conv2_weights, {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  return vs::relu(conv2 + conv2_biases);
}

}  // namespace with_variables_of_its_own

BOOST_AUTO_TEST_CASE(calling_twice_makes_two_sets_of_variables) {
  using with_variables_of_its_own::my_image_filter;
  // First call creates one set of 4 variables.
  auto result1 = my_image_filter(image1);
  BOOST_TEST(variable_names().size() == 4U);
  // Another set of 4 variables is created in the second call.
  auto result2 = my_image_filter(image2);
  BOOST_TEST(
      variable_names() == (std::vector<std::string>{"conv1_weights:0", "conv1_biases:0", "conv2_weights:0",
                                                    "conv2_biases:0", "conv1_weights_1:0", "conv1_biases_1:0",
                                                    "conv2_weights_1:0", "conv2_biases_1:0"}),
      boost::test_tools::per_element());

  vs::Session session(graph);
  auto [out1, out2] = session.run({{image1, image(1)}, {image2, image(1)}}, {result1, result2});
  BOOST_TEST(!out1.same_bits(out2));  // the same image, other parameters
}

namespace with_a_dictionary {

using Variables = std::map<std::string, vs::Variable>;

vs::Tensor my_image_filter(vs::Tensor input_images, Variables variables_dict) {
  auto conv1 = vs::conv2d(input_images, variables_dict["conv1_weights"],
                          {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  auto relu1 = vs::relu(conv1 + variables_dict["conv1_biases"]);

  auto conv2 = vs::conv2d(relu1, variables_dict["conv2_weights"],
                          {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  return vs::relu(conv2 + variables_dict["conv2_biases"]);
}

}  // namespace with_a_dictionary

BOOST_AUTO_TEST_CASE(a_dictionary_of_variables) {
  using with_a_dictionary::my_image_filter;
  with_a_dictionary::Variables variables_dict{
      {"conv1_weights",
       vs::Variable(vs::random_normal_initializer(), {5, 5, 32, 32}, {.name = "conv1_weights"})},
      {"conv1_biases", vs::Variable(vs::zeros_initializer(), {32}, {.name = "conv1_biases"})},
      {"conv2_weights",
       vs::Variable(vs::random_normal_initializer(), {5, 5, 32, 32}, {.name = "conv2_weights"})},
      {"conv2_biases", vs::Variable(vs::zeros_initializer(), {32}, {.name = "conv2_biases"})}};

  // Both calls to my_image_filter() now use the same variables
  auto result1 = my_image_filter(image1, variables_dict);
  auto result2 = my_image_filter(image2, variables_dict);

  BOOST_TEST(variable_names().size() == 4U);
  vs::Session session(graph);
  auto [out1, out2] = session.run({{image1, image(1)}, {image2, image(1)}}, {result1, result2});
  BOOST_TEST(out1.same_bits(out2));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(variable_scope_example, Fixture)

namespace {

vs::Tensor conv_relu(vs::Tensor input, vs::Shape kernel_shape, vs::Shape bias_shape) {
  // Create variable named "weights".
  auto weights = vs::get_variable("weights", kernel_shape, {.initializer = vs::random_normal_initializer()});
  // Create variable named "biases".
  auto biases = vs::get_variable("biases", bias_shape, {.initializer = vs::constant_initializer(0.0)});
  auto conv = vs::conv2d(input, weights, {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  return vs::relu(conv + biases);
}

vs::Tensor my_image_filter(vs::Tensor input_images) {
  vs::Tensor relu1;
  {
    auto scope = vs::variable_scope("conv1");
    // Variables created here will be named "conv1/weights", "conv1/biases".
    relu1 = conv_relu(input_images, {5, 5, 32, 32}, {32});
  }
  auto scope = vs::variable_scope("conv2");
  // Variables created here will be named "conv2/weights", "conv2/biases".
  return conv_relu(relu1, {5, 5, 32, 32}, {32});
}

}  // namespace

BOOST_AUTO_TEST_CASE(calling_twice_raises) {
  auto result1 = my_image_filter(image1);
  BOOST_TEST(result1.name() == "conv2/Relu:0");
  BOOST_CHECK_EXCEPTION(my_image_filter(image2), vs::ValueError, [](const vs::ValueError& error) {
    return says(error, "conv1/weights already exists") && says(error, "test_tutorial.cpp:");
  });

  BOOST_TEST(variable_names() == (std::vector<std::string>{"conv1/weights:0", "conv1/biases:0",
                                                           "conv2/weights:0", "conv2/biases:0"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(reuse_variables_shares_them) {
  vs::Tensor result1, result2;
  {
    auto scope = vs::variable_scope("image_filters");
    result1 = my_image_filter(image1);
    scope.reuse_variables();
    result2 = my_image_filter(image2);
  }

  BOOST_TEST(variable_names() ==
                 (std::vector<std::string>{"image_filters/conv1/weights:0", "image_filters/conv1/biases:0",
                                           "image_filters/conv2/weights:0", "image_filters/conv2/biases:0"}),
             boost::test_tools::per_element());
  vs::Session session(graph);
  auto [out1, out2] = session.run({{image1, image(1)}, {image2, image(1)}}, {result1, result2});
  BOOST_TEST(out1.same_bits(out2));
  auto [out3, out4] = session.run({{image1, image(1)}, {image2, image(2)}}, {result1, result2});
  BOOST_TEST(out3.same_bits(out1));
  BOOST_TEST(!out4.same_bits(out2));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(understanding_get_variable, Fixture)

BOOST_AUTO_TEST_CASE(how_it_is_usually_called) {
  const std::string name = "v";
  const vs::Shape shape{2, 3};
  const vs::DType dtype = vs::float64;
  const vs::Initializer initializer = vs::ones_initializer();

  auto v = vs::get_variable(name, shape, {.dtype = dtype, .initializer = initializer});

  BOOST_TEST((v.shape() == shape));
  BOOST_TEST((v.dtype() == dtype));
  vs::Session session(graph);
  BOOST_TEST(session.run(v).same_bits(initializer(shape, dtype)));
}

BOOST_AUTO_TEST_CASE(case_1_creating) {
  BOOST_TEST((vs::get_variable_scope().reuse() == false));
  auto scope = vs::variable_scope("foo");
  auto v = vs::get_variable("v", {1});
  BOOST_TEST(v.name() == "foo/v:0");
}

BOOST_AUTO_TEST_CASE(case_2_reusing) {
  vs::Variable v, v1;
  {
    auto scope = vs::variable_scope("foo");
    v = vs::get_variable("v", {1});
  }
  {
    auto scope = vs::variable_scope("foo", {.reuse = true});
    v1 = vs::get_variable("v", {1});
    // If no such variable exists, a ValueError will be raised.
    BOOST_CHECK_EXCEPTION(vs::get_variable("w", {1}), vs::ValueError,
                          [](const vs::ValueError& error) { return says(error, "foo/w does not exist"); });
  }
  BOOST_TEST((v1 == v));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(basics_of_variable_scope, Fixture)

BOOST_AUTO_TEST_CASE(nesting_appends_names) {
  auto foo = vs::variable_scope("foo");
  auto bar = vs::variable_scope("bar");
  auto v = vs::get_variable("v", {1});
  BOOST_TEST(v.name() == "foo/bar/v:0");
}

BOOST_AUTO_TEST_CASE(the_flag_of_the_current_scope) {
  auto scope = vs::variable_scope("foo");
  auto v = vs::get_variable("v", {1});
  vs::get_variable_scope().reuse_variables();
  auto v1 = vs::get_variable("v", {1});
  BOOST_TEST((v1 == v));
}

BOOST_AUTO_TEST_CASE(reuse_is_inherited_and_ends_with_its_scope) {
  auto root = vs::variable_scope("root");
  // At start, the scope is not reusing.
  BOOST_TEST((vs::get_variable_scope().reuse() == false));
  {
    auto foo = vs::variable_scope("foo");
    // Opened a sub-scope, still not reusing.
    BOOST_TEST((vs::get_variable_scope().reuse() == false));
  }
  {
    auto foo = vs::variable_scope("foo", {.reuse = true});
    // Explicitly opened a reusing scope.
    BOOST_TEST((vs::get_variable_scope().reuse() == true));
    auto bar = vs::variable_scope("bar");
    // Now sub-scope inherits the reuse flag.
    BOOST_TEST((vs::get_variable_scope().reuse() == true));
  }
  // Exited the reusing scope, back to a non-reusing one.
  BOOST_TEST((vs::get_variable_scope().reuse() == false));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(capturing_variable_scope, Fixture)

BOOST_AUTO_TEST_CASE(a_captured_scope_instead_of_a_name) {
  vs::VariableScope foo_scope;
  vs::Variable v, w, v1, w1;
  {
    auto scope = vs::variable_scope("foo");
    foo_scope = scope;
    v = vs::get_variable("v", {1});
  }
  {
    auto scope = vs::variable_scope(foo_scope);
    w = vs::get_variable("w", {1});
  }
  {
    auto scope = vs::variable_scope(foo_scope, {.reuse = true});
    v1 = vs::get_variable("v", {1});
    w1 = vs::get_variable("w", {1});
  }
  BOOST_TEST((v1 == v));
  BOOST_TEST((w1 == w));
}

BOOST_AUTO_TEST_CASE(jumping_out_of_the_current_prefix) {
  vs::VariableScope foo_scope;
  {
    auto scope = vs::variable_scope("foo");
    foo_scope = scope;
    BOOST_TEST(foo_scope.name() == "foo");
  }
  auto bar = vs::variable_scope("bar");
  auto other_scope = vs::variable_scope("baz");
  BOOST_TEST(other_scope.name() == "bar/baz");
  auto foo_scope2 = vs::variable_scope(foo_scope);
  BOOST_TEST(foo_scope2.name() == "foo");  // Not changed.
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(initializers_in_variable_scope, Fixture)

BOOST_AUTO_TEST_CASE(a_default_initializer_is_inherited_and_overridden) {
  vs::Session session(graph);
  auto running = session.as_default();

  auto foo = vs::variable_scope("foo", {.initializer = vs::constant_initializer(0.4)});
  auto v = vs::get_variable("v", {1});
  BOOST_TEST(v.eval().item() == 0.4f);  // Default initializer as set above.
  auto w = vs::get_variable("w", {1}, {.initializer = vs::constant_initializer(0.3)});
  BOOST_TEST(w.eval().item() == 0.3f);  // Specific initializer overrides the default.
  {
    auto bar = vs::variable_scope("bar");
    auto bar_v = vs::get_variable("v", {1});
    BOOST_TEST(bar_v.eval().item() == 0.4f);  // Inherited default initializer.
  }
  {
    auto baz = vs::variable_scope("baz", {.initializer = vs::constant_initializer(0.2)});
    auto baz_v = vs::get_variable("v", {1});
    BOOST_TEST(baz_v.eval().item() == 0.2f);  // Changed default initializer.
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(names_of_ops, Fixture)

BOOST_AUTO_TEST_CASE(a_variable_scope_opens_a_name_scope) {
  auto foo = vs::variable_scope("foo");
  auto x = 1.0 + vs::get_variable("v", {1});
  BOOST_TEST(x.op().name() == "foo/add");
}

BOOST_AUTO_TEST_CASE(a_name_scope_affects_ops_and_not_variables) {
  auto foo = vs::variable_scope("foo");
  auto bar = vs::name_scope("bar");
  auto v = vs::get_variable("v", {1});
  auto x = 1.0 + v;
  BOOST_TEST(v.name() == "foo/v:0");
  BOOST_TEST(x.op().name() == "foo/bar/add");
}

// "When opening a variable scope using a captured object instead of a string, we do not alter the current
// name scope for ops."
BOOST_AUTO_TEST_CASE(a_captured_scope_leaves_the_name_scope_alone) {
  vs::VariableScope foo_scope;
  {
    auto scope = vs::variable_scope("foo");
    foo_scope = scope;
  }
  auto bar = vs::variable_scope("bar");
  auto scope = vs::variable_scope(foo_scope);
  auto x = 1.0 + vs::get_variable("v", {1});
  BOOST_TEST(x.op().name() == "bar/add");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
