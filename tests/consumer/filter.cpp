// SPDX-License-Identifier: Apache-2.0
// A program of somebody who uses varscope: one model function called twice over one set of variables. Exits
// with 0 if both calls give the same values for the same image, and the checkpoint the same variables.
#include <varscope/varscope.hpp>

#include <cstdio>

namespace vs = varscope;

namespace {

vs::Tensor conv_relu(vs::Tensor input, vs::Shape kernel_shape, vs::Shape bias_shape) {
  auto weights = vs::get_variable("weights", kernel_shape, {.initializer = vs::random_normal_initializer()});
  auto biases = vs::get_variable("biases", bias_shape, {.initializer = vs::constant_initializer(0.0f)});
  auto conv = vs::conv2d(input, weights, {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  return vs::relu(conv + biases);
}

vs::Tensor image_filter(vs::Tensor images) {
  vs::Tensor relu1;
  {
    auto conv1 = vs::variable_scope("conv1");
    relu1 = conv_relu(images, {5, 5, 3, 8}, {8});
  }
  auto conv2 = vs::variable_scope("conv2");
  return conv_relu(relu1, {5, 5, 8, 8}, {8});
}

}  // namespace

int main() {
  vs::Graph graph;
  auto building = graph.as_default();
  auto image1 = vs::placeholder({-1, 16, 16, 3}, {.name = "image1"});
  auto image2 = vs::placeholder({-1, 16, 16, 3}, {.name = "image2"});

  auto scope = vs::variable_scope("image_filters");
  auto result1 = image_filter(image1);
  try {
    image_filter(image2);
    return 1;
  } catch (const vs::ValueError& error) {
    std::printf("refused without reuse: %s\n", error.what());
  }
  scope.reuse_variables();
  auto result2 = image_filter(image2);

  vs::Array image({1, 16, 16, 3});
  for (float& value : image.values<float>()) value = 0.5f;
  vs::Session session(graph);
  auto [out1, out2] = session.run({{image1, image}, {image2, image}}, {result1, result2});
  std::printf("%s twice, %s\n", out1.description().c_str(),
              out1.same_bits(out2) ? "the same bits" : "different");

  vs::Session restored(graph);
  vs::Saver().restore(restored, vs::Saver().save(session, "filter", {.global_step = 1}));
  const bool came_back = restored.run({{image1, image}}, result1).same_bits(out1);
  std::printf("restored from filter-1.h5, %s\n", came_back ? "the same bits" : "different");
  return out1.same_bits(out2) && came_back ? 0 : 1;
}
