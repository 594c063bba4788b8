// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <limits>

BOOST_AUTO_TEST_SUITE(test_pooling_grad)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

struct Pooled {
  vs::Shape image;
  vs::PoolOptions options;

  std::int64_t out(int axis) const {
    const auto option = static_cast<std::size_t>(axis);
    const std::int64_t room =
        options.padding == vs::Padding::same ? image[axis] : image[axis] - options.ksize[option] + 1;
    return (room + options.strides[option] - 1) / options.strides[option];
  }
  std::int64_t before(int axis) const {
    const auto option = static_cast<std::size_t>(axis);
    if (options.padding == vs::Padding::valid) return 0;
    const std::int64_t covered = (out(axis) - 1) * options.strides[option] + options.ksize[option];
    return std::max<std::int64_t>(covered - image[axis], 0) / 2;
  }
  vs::Shape result() const { return {image[0], out(1), out(2), image[3]}; }

  /// The elements of the image in the window of output element `index`, row by row.
  std::vector<std::size_t> window(std::size_t index) const {
    const auto i = static_cast<std::int64_t>(index);
    const std::int64_t channel = i % image[3];
    const std::int64_t x = i / image[3] % out(2);
    const std::int64_t y = i / image[3] / out(2) % out(1);
    const std::int64_t n = i / image[3] / out(2) / out(1);
    std::vector<std::size_t> elements;
    for (std::int64_t r = 0; r < options.ksize[1]; ++r) {
      for (std::int64_t s = 0; s < options.ksize[2]; ++s) {
        const std::int64_t in_y = y * options.strides[1] + r - before(1);
        const std::int64_t in_x = x * options.strides[2] + s - before(2);
        if (in_y < 0 || in_y >= image[1] || in_x < 0 || in_x >= image[2]) continue;
        elements.push_back(
            static_cast<std::size_t>(((n * image[1] + in_y) * image[2] + in_x) * image[3] + channel));
      }
    }
    return elements;
  }
};

/// Whole numbers of a small range, so that many are equal.
vs::Array few_values(Random& random, const vs::Shape& shape, vs::DType dtype) {
  vs::Array array(shape, vs::float64);
  for (double& value : array.values<double>()) value = random.integer(-2, 2);
  return from_float64(array, dtype);
}

void check_layer(Random& random, const Pooled& layer, vs::DType dtype) {
  const vs::Array image =
      random.chance(0.5) ? few_values(random, layer.image, dtype) : random_array(random, layer.image, dtype);
  const vs::Array grad = random_array(random, layer.result(), dtype);
  const std::vector<double> values = to_doubles(image);
  const std::vector<double> gradients = to_doubles(grad);
  Expected of_max(layer.image);
  Expected of_average(layer.image);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const std::vector<std::size_t> window = layer.window(i);
    const auto first = std::max_element(window.begin(), window.end(), [&](std::size_t a, std::size_t b) {
      return values[a] < values[b];  // gives the first of several equal ones
    });
    of_max.add(*first, gradients[i]);
    for (const std::size_t element : window)
      of_average.add(element, gradients[i] / static_cast<double>(window.size()));
  }
  const vs::PoolOptions& options = layer.options;
  BOOST_TEST_CONTEXT("image " << image.description() << ", window " << options.ksize[1] << " "
                              << options.ksize[2] << ", strides " << options.strides[1] << " "
                              << options.strides[2]
                              << (options.padding == vs::Padding::same ? ", SAME" : ", VALID")) {
    on_every_instruction_set(
        {image, grad},
        [&](const std::vector<vs::Tensor>& inputs) {
          const vs::Shape any_batch{-1, layer.image[1], layer.image[2], layer.image[3]};
          return std::vector{
              vs::max_pool_grad(inputs[0], vs::max_pool(inputs[0], options), inputs[1], options),
              vs::avg_pool_grad(any_batch, inputs[1], options)};
        },
        [&](const std::vector<vs::Array>& results) {
          check_close(results[0], dtype, of_max, 20);
          check_close(results[1], dtype, of_average, 20);
        });
  }
}

Pooled random_layer(Random& random) {
  Pooled layer;
  layer.options.padding = random.chance(0.5) ? vs::Padding::same : vs::Padding::valid;
  for (const std::size_t axis : {1U, 2U}) {
    layer.options.ksize[axis] = random.integer(1, 4);
    layer.options.strides[axis] = random.chance(0.3) ? layer.options.ksize[axis] : random.integer(1, 4);
  }
  layer.image = {random.integer(1, 3), layer.options.ksize[1] + random.integer(0, 9),
                 layer.options.ksize[2] + random.integer(0, 9),
                 random.pick<std::int64_t>({1, 2, 3, 8, 16, 19, 32, 40})};
  return layer;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (int repetition = 0; repetition < 40; ++repetition) {
    BOOST_TEST_CONTEXT("repetition " << repetition) {
      check_layer(random, random_layer(random), repetition % 4 == 0 ? vs::float64 : vs::float32);
    }
  }
}

BOOST_AUTO_TEST_CASE(images_of_several_tiles_agree_with_double_precision) {
  Random random;
  check_layer(random, {{3, 28, 28, 32}, {}}, vs::float32);
  check_layer(random, {{3, 27, 29, 32}, {.padding = vs::Padding::same}}, vs::float32);
  check_layer(random, {{2, 28, 28, 64}, {.ksize = {1, 3, 3, 1}, .padding = vs::Padding::same}}, vs::float32);
  check_layer(random, {{2, 31, 30, 64}, {.ksize = {1, 3, 3, 1}, .strides = {1, 1, 1, 1}}}, vs::float32);
}

BOOST_AUTO_TEST_CASE(a_window_whose_maximum_is_nan_gives_its_gradient_to_none) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const vs::Array image = vs::Array::of<float>({1, 2, 4, 1}, {1, nan, 2, 3, 4, 5, 3, 1});
  const vs::Array grad = vs::Array::of<float>({1, 1, 2, 1}, {10, 20});
  on_every_instruction_set(
      {image, grad},
      [](const std::vector<vs::Tensor>& inputs) {
        return vs::max_pool_grad(inputs[0], vs::max_pool(inputs[0]), inputs[1]);
      },
      [](const vs::Array& result) {
        BOOST_TEST(result.same_bits(vs::Array::of<float>({1, 2, 4, 1}, {0, 0, 0, 20, 0, 0, 0, 0})));
      });
}

BOOST_AUTO_TEST_CASE(an_empty_batch_gives_an_empty_result) {
  const vs::Array result = evaluate({vs::Array({0, 2, 2, 3})}, [](const std::vector<vs::Tensor>& inputs) {
    return vs::avg_pool_grad({-1, 4, 4, 3}, inputs[0]);
  });
  BOOST_TEST(result.shape().to_string() == "[0,4,4,3]");
}

BOOST_AUTO_TEST_CASE(names_shapes_and_refusals) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, 4});
  const vs::Tensor pooled = vs::max_pool(image);
  const vs::Tensor grad = vs::placeholder({-1, 4, 4, 4});
  const vs::Tensor of_max = vs::max_pool_grad(image, pooled, grad);
  BOOST_TEST(of_max.op().name() == "MaxPoolGrad");
  BOOST_TEST(of_max.op().type() == "MaxPoolGrad");
  BOOST_TEST(of_max.shape().to_string() == "[?,8,8,4]");
  const vs::Tensor of_average = vs::avg_pool_grad({-1, 8, 8, 4}, grad);
  BOOST_TEST(of_average.op().name() == "AvgPoolGrad");
  BOOST_TEST(of_average.shape().to_string() == "[?,8,8,4]");
  const auto refused = [](const std::function<void()>& action) { return message_of<vs::ValueError>(action); };
  check_says(refused([&] { vs::max_pool_grad(image, grad, image); }), {"'grad'", "[?,8,8,4]", "[?,4,4,4]"});
  check_says(refused([&] { vs::max_pool_grad(image, image, grad); }), {"'orig_output'", "MaxPoolGrad"});
  check_says(refused([&] {
               vs::avg_pool_grad({-1, 6, 8, 4}, grad);
             }),
             {"'grad'", "AvgPoolGrad", "[?,3,4,4]"});
}

BOOST_AUTO_TEST_SUITE_END()
