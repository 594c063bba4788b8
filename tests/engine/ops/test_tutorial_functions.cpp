// SPDX-License-Identifier: Apache-2.0
// The functions of the tutorial compile and run as a user would write them.
#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_tutorial_functions)

namespace vs = varscope;

namespace {

vs::Tensor conv_relu(vs::Tensor input, vs::Shape kernel_shape, vs::Shape bias_shape) {
  auto weights = vs::get_variable("weights", kernel_shape, {.initializer = vs::random_normal_initializer()});
  auto biases = vs::get_variable("biases", bias_shape, {.initializer = vs::constant_initializer(0.0f)});
  auto conv = vs::conv2d(input, weights, {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  return vs::relu(conv + biases);
}

vs::Tensor my_image_filter(vs::Tensor input_images) {
  vs::Tensor relu1;
  {
    auto conv1 = vs::variable_scope("conv1");  // variables made here are "conv1/weights" and "conv1/biases"
    relu1 = conv_relu(input_images, {5, 5, 32, 32}, {32});
  }
  auto conv2 = vs::variable_scope("conv2");
  return conv_relu(relu1, {5, 5, 32, 32}, {32});
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_image_filter_is_built_and_run_twice) {
  vs::Graph graph;
  auto building = graph.as_default();
  auto image1 = vs::placeholder({-1, 64, 64, 32}, {.name = "image1"});
  auto image2 = vs::placeholder({-1, 64, 64, 32}, {.name = "image2"});

  auto scope = vs::variable_scope("image_filters");
  auto result1 = my_image_filter(image1);
  scope.reuse_variables();
  auto result2 = my_image_filter(image2);

  BOOST_TEST(result1.name() == "image_filters/conv2/Relu:0");
  BOOST_TEST(result1.shape().to_string() == "[?,64,64,32]");
  BOOST_TEST(graph.global_variables().size() == 4U);

  vs::Session session(graph);
  vs::Array a({1, 64, 64, 32});
  for (float& value : a.values<float>()) value = 0.5F;
  const auto [out1, out2] = session.run({{image1, a}, {image2, a}}, {result1, result2});
  BOOST_TEST(out1.shape().to_string() == "[1,64,64,32]");
  BOOST_TEST(out1.same_bits(out2));
  BOOST_TEST(out1.values<float>()[0] >= 0);
}

BOOST_AUTO_TEST_SUITE_END()
