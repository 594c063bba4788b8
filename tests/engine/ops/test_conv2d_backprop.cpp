// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(test_conv2d_backprop)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

struct Layer {
  vs::Shape image;
  vs::Shape filter;
  vs::Conv2DOptions options = {};

  std::int64_t out(int axis) const {
    const auto option = static_cast<std::size_t>(axis);
    const std::int64_t stride = options.strides[option];
    const std::int64_t in = image[axis];
    const std::int64_t covered = (filter[axis - 1] - 1) * options.dilations[option] + 1;
    return options.padding == vs::Padding::same ? (in + stride - 1) / stride : (in - covered) / stride + 1;
  }
  std::int64_t before(int axis) const {
    const auto option = static_cast<std::size_t>(axis);
    const std::int64_t covered = (filter[axis - 1] - 1) * options.dilations[option] + 1;
    if (options.padding == vs::Padding::valid) return 0;
    return std::max<std::int64_t>((out(axis) - 1) * options.strides[option] + covered - image[axis], 0) / 2;
  }
  vs::Shape result() const { return {image[0], out(1), out(2), filter[3]}; }
};

std::size_t at(const vs::Shape& shape, std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) {
  return static_cast<std::size_t>(((i * shape[1] + j) * shape[2] + k) * shape[3] + l);
}

/// Calls product(element of the image, of the filter, of the result) for every product of the convolution.
template <typename Product>
void for_each_product(const Layer& layer, Product&& product) {
  const vs::Shape result = layer.result();
  const std::int64_t groups = layer.image[3] / layer.filter[2];
  for (std::int64_t i = 0; i < result.num_elements(); ++i) {
    const std::int64_t k = i % result[3];
    const std::int64_t x = i / result[3] % result[2];
    const std::int64_t y = i / result[3] / result[2] % result[1];
    const std::int64_t n = i / result[3] / result[2] / result[1];
    for (std::int64_t r = 0; r < layer.filter[0]; ++r) {
      for (std::int64_t s = 0; s < layer.filter[1]; ++s) {
        const std::int64_t in_y =
            y * layer.options.strides[1] + r * layer.options.dilations[1] - layer.before(1);
        const std::int64_t in_x =
            x * layer.options.strides[2] + s * layer.options.dilations[2] - layer.before(2);
        if (in_y < 0 || in_y >= layer.image[1] || in_x < 0 || in_x >= layer.image[2]) continue;
        for (std::int64_t c = 0; c < layer.filter[2]; ++c) {
          product(at(layer.image, n, in_y, in_x, k / (result[3] / groups) * layer.filter[2] + c),
                  at(layer.filter, r, s, c, k), static_cast<std::size_t>(i));
        }
      }
    }
  }
}

std::string to_string(const Layer& layer) {
  const vs::Conv2DOptions& options = layer.options;
  return "input " + layer.image.to_string() + ", filter " + layer.filter.to_string() + ", strides " +
         std::to_string(options.strides[1]) + " " + std::to_string(options.strides[2]) + ", dilations " +
         std::to_string(options.dilations[1]) + " " + std::to_string(options.dilations[2]) +
         (options.padding == vs::Padding::same ? ", SAME" : ", VALID");
}

/// Both gradients on every instruction set; `whole_numbers`: without any rounding.
void check_layer(Random& random, const Layer& layer, vs::DType dtype, bool whole_numbers = false) {
  const auto values = [&](const vs::Shape& shape) {
    if (!whole_numbers) return random_array(random, shape, dtype);
    vs::Array array(shape, vs::float64);
    for (double& value : array.values<double>()) value = random.integer(-9, 9);
    return from_float64(array, dtype);
  };
  const vs::Array image = values(layer.image);
  const vs::Array filter = values(layer.filter);
  const vs::Array out_backprop = values(layer.result());
  const std::vector<double> of_image = to_doubles(image);
  const std::vector<double> of_filter = to_doubles(filter);
  const std::vector<double> of_out = to_doubles(out_backprop);
  Expected to_image(layer.image);
  Expected to_filter(layer.filter);
  for_each_product(layer, [&](std::size_t in, std::size_t weight, std::size_t out) {
    to_image.add(in, of_out[out] * of_filter[weight]);
    to_filter.add(weight, of_out[out] * of_image[in]);
  });
  if (layer.options.accuracy == vs::Accuracy::fast) to_image.share_magnitudes();
  const auto taps = static_cast<double>(layer.filter[0] * layer.filter[1]);
  const auto pixels = static_cast<double>(layer.image[0] * layer.out(1) * layer.out(2));
  vs::Shape any_batch{-1, layer.image[1], layer.image[2], layer.image[3]};
  BOOST_TEST_CONTEXT(to_string(layer)) {
    on_every_instruction_set(
        {image, filter, out_backprop},
        [&](const std::vector<vs::Tensor>& inputs) {
          const vs::Tensor window = vs::reshape(inputs[1], layer.filter);
          return std::vector{vs::conv2d_backprop_input(any_batch, window, inputs[2], layer.options),
                             vs::conv2d_backprop_filter(inputs[0], layer.filter, inputs[2], layer.options)};
        },
        [&](const std::vector<vs::Array>& results) {
          if (whole_numbers && layer.options.accuracy == vs::Accuracy::strict) {
            check_equal(results[0], dtype, to_image);
            check_equal(results[1], dtype, to_filter);
          } else {
            check_close(results[0], dtype, to_image, taps * static_cast<double>(layer.filter[3]) + 4);
            check_close(results[1], dtype, to_filter, pixels + 4);
          }
        });
  }
}

Layer random_layer(Random& random) {
  const auto small = [&](std::int64_t largest) { return random.integer<std::int64_t>(1, largest); };
  const std::int64_t groups = random.chance(0.5) ? 1 : small(4);
  const std::int64_t group_in = small(random.chance(0.5) ? 3 : 20);
  const std::int64_t group_out = small(random.chance(0.5) ? 5 : 40);
  Layer layer;
  layer.filter = {small(5), small(5), group_in, group_out * groups};
  layer.options.padding = random.chance(0.5) ? vs::Padding::same : vs::Padding::valid;
  for (const std::size_t axis : {1U, 2U}) {
    layer.options.strides[axis] = static_cast<int>(random.chance(0.5) ? 1 : small(4));
    layer.options.dilations[axis] = static_cast<int>(random.chance(0.6) ? 1 : small(3));
  }
  const auto smallest = [&](int axis) {
    return layer.options.padding == vs::Padding::same
               ? 1
               : (layer.filter[axis] - 1) * layer.options.dilations[static_cast<std::size_t>(axis + 1)] + 1;
  };
  layer.image = {small(3), smallest(0) + random.integer(0, 12), smallest(1) + random.integer(0, 12),
                 group_in * groups};
  return layer;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (int repetition = 0; repetition < 50; ++repetition) {
    BOOST_TEST_CONTEXT("repetition " << repetition) {
      Layer layer = random_layer(random);
      for (const vs::Accuracy accuracy : {vs::Accuracy::strict, vs::Accuracy::fast}) {
        layer.options.accuracy = accuracy;
        check_layer(random, layer, repetition % 5 == 0 ? vs::float64 : vs::float32);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(whole_numbers_are_exact) {
  Random random;
  for (int repetition = 0; repetition < 20; ++repetition) {
    BOOST_TEST_CONTEXT("repetition " << repetition) {
      Layer layer = random_layer(random);
      layer.options.accuracy = vs::Accuracy::strict;
      check_layer(random, layer, vs::float32, true);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_shapes_of_real_layers_agree_with_double_precision) {
  Random random;
  check_layer(random, {{3, 28, 28, 1}, {5, 5, 1, 32}}, vs::float32);
  check_layer(random, {{2, 14, 14, 3}, {5, 5, 3, 32}}, vs::float32);
  check_layer(random, {{3, 14, 14, 32}, {5, 5, 32, 64}}, vs::float32);
  check_layer(random, {{2, 9, 9, 64}, {3, 3, 64, 48}}, vs::float32);
  check_layer(random, {{1, 23, 23, 3}, {7, 7, 3, 64}, {.strides = {1, 2, 2, 1}}}, vs::float32);
  check_layer(random, {{1, 9, 9, 256}, {1, 1, 256, 256}}, vs::float32);
  check_layer(random, {{1, 9, 9, 64}, {1, 1, 64, 48}, {.strides = {1, 2, 2, 1}}}, vs::float32);
  check_layer(random, {{1, 15, 15, 32}, {3, 3, 1, 32}}, vs::float32);
  check_layer(random, {{1, 15, 15, 32}, {3, 3, 1, 64}, {.strides = {1, 2, 2, 1}}}, vs::float32);
}

BOOST_AUTO_TEST_CASE(an_empty_batch_has_a_filter_gradient_of_zero) {
  const std::vector<vs::Array> results = evaluate_many(
      {vs::Array({0, 4, 4, 2}), vs::Array({3, 3, 2, 5}), vs::Array({0, 4, 4, 5})},
      [](const std::vector<vs::Tensor>& inputs) {
        return std::vector{
            vs::conv2d_backprop_input({-1, 4, 4, 2}, vs::reshape(inputs[1], {3, 3, 2, 5}), inputs[2]),
            vs::conv2d_backprop_filter(inputs[0], {3, 3, 2, 5}, inputs[2])};
      });
  BOOST_TEST(results[0].shape().to_string() == "[0,4,4,2]");
  check_equal(results[1], vs::float32, Expected({3, 3, 2, 5}));
}

BOOST_AUTO_TEST_CASE(names_and_shapes_are_tensorflows) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, 4});
  const vs::Tensor filter = vs::placeholder({3, 3, 4, 6});
  const vs::Tensor out = vs::placeholder({-1, 8, 8, 6});
  const vs::Tensor to_input = vs::conv2d_backprop_input({-1, 8, 8, 4}, filter, out);
  const vs::Tensor to_filter = vs::conv2d_backprop_filter(image, {3, 3, 4, 6}, out);
  BOOST_TEST(to_input.op().name() == "Conv2DBackpropInput");
  BOOST_TEST(to_input.op().type() == "Conv2DBackpropInput");
  BOOST_TEST(to_input.shape().to_string() == "[?,8,8,4]");
  BOOST_TEST(to_filter.op().name() == "Conv2DBackpropFilter");
  BOOST_TEST(to_filter.op().type() == "Conv2DBackpropFilter");
  BOOST_TEST(to_filter.shape().to_string() == "[3,3,4,6]");
  BOOST_TEST(vs::conv2d_backprop_input({5, 8, 8, 4}, filter, out).shape().to_string() == "[5,8,8,4]");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, 4});
  const vs::Tensor filter = vs::placeholder({3, 3, 4, 6});
  const vs::Tensor out = vs::placeholder({-1, 8, 8, 6});
  const auto refused = [](const std::function<void()>& action) { return message_of<vs::ValueError>(action); };
  check_says(refused([&] {
               vs::conv2d_backprop_input({-1, 9, 8, 4}, filter, out);
             }),
             {"Conv2DBackpropInput", "out_backprop", "[?,8,8,6]", "[?,9,8,4]"});
  check_says(refused([&] {
               vs::conv2d_backprop_input({-1, 8, 8, 5}, filter, out);
             }),
             {"Conv2DBackpropInput", "5", "4"});
  check_says(refused([&] {
               vs::conv2d_backprop_filter(image, {3, 3, 4, 7}, out);
             }),
             {"Conv2DBackpropFilter", "out_backprop", "[?,8,8,6]", "[3,3,4,7]"});
  check_says(refused([&] {
               vs::conv2d_backprop_filter(image, {3, 3, -1, 6}, out);
             }),
             {"filter_sizes", "known"});
  check_says(refused([&] {
               vs::conv2d_backprop_filter(image, {3, 3, 4, 6}, out, {.strides = {1, 0, 1, 1}});
             }),
             {"strides", "Conv2DBackpropFilter"});
  const vs::Tensor integers = vs::placeholder({-1, 8, 8, 6}, {.dtype = vs::int32});
  check_says(message_of<vs::TypeError>([&] {
               vs::conv2d_backprop_input({-1, 8, 8, 4}, filter, integers);
             }),
             {"out_backprop", "int32"});
  check_says(
      message_of<vs::UnimplementedError>([&] {
        evaluate({vs::Array({1, 8, 8, 4}), vs::Array({1, 8, 8, 6})}, [](const std::vector<vs::Tensor>&
                                                                            inputs) {
          return vs::conv2d_backprop_filter(inputs[0], {3, 3, 4, 6}, inputs[1], {.algorithm = "pointwise"});
        });
      }),
      {"pointwise", "Conv2DBackpropFilter", "[1,8,8,6]"});
}

BOOST_AUTO_TEST_SUITE_END()
