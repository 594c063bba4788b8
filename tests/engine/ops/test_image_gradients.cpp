// SPDX-License-Identifier: Apache-2.0
// The gradient rules of convolution, pooling and cross entropies, and of the operations that these rules
// build.
#include "support/gradient_check.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(test_image_gradients)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

vs::Array random_doubles(Random& random, const vs::Shape& shape) {
  return random_array(random, shape, vs::float64);
}

/// Numbers that differ by 0.1 at least, so that each window's maximum stays what it is.
vs::Array distinct_values(Random& random, const vs::Shape& shape) {
  vs::Array array(shape, vs::float64);
  const auto values = array.values<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.1 * static_cast<double>(i) - 3;
    std::swap(values[i], values[random.integer<std::size_t>(0, i)]);
  }
  return array;
}

struct Layer {
  vs::Shape image;
  vs::Shape filter;
  vs::Shape result;
  vs::Conv2DOptions options = {};
};

std::vector<Layer> layers() {
  return {
      {{2, 5, 4, 3}, {3, 3, 3, 2}, {2, 5, 4, 2}},
      {{2, 5, 6, 2}, {3, 2, 2, 3}, {2, 3, 3, 3}, {.strides = {1, 2, 2, 1}}},
      {{1, 7, 6, 2}, {2, 3, 2, 2}, {1, 5, 2, 2}, {.padding = vs::Padding::valid, .dilations = {1, 2, 2, 1}}},
      {{1, 5, 5, 4}, {3, 3, 2, 4}, {1, 5, 5, 4}},  // two groups
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(conv2d) {
  Random random;
  for (const Layer& layer : layers()) {
    BOOST_TEST_CONTEXT("image " << layer.image.to_string() << ", filter " << layer.filter.to_string()) {
      check_gradients({random_doubles(random, layer.image), random_doubles(random, layer.filter)},
                      [&](const auto& in) { return vs::conv2d(in[0], in[1], layer.options); });
    }
  }
}

BOOST_AUTO_TEST_CASE(conv2d_backprop_input) {
  Random random;
  for (const Layer& layer : layers()) {
    check_gradients(
        {random_doubles(random, layer.filter), random_doubles(random, layer.result)},
        [&](const auto& in) { return vs::conv2d_backprop_input(layer.image, in[0], in[1], layer.options); });
  }
}

BOOST_AUTO_TEST_CASE(conv2d_backprop_filter) {
  Random random;
  for (const Layer& layer : layers()) {
    check_gradients({random_doubles(random, layer.image), random_doubles(random, layer.result)},
                    [&](const auto& in) {
                      return vs::conv2d_backprop_filter(in[0], layer.filter, in[1], layer.options);
                    });
  }
}

BOOST_AUTO_TEST_CASE(pooling) {
  Random random;
  for (const vs::Padding padding : {vs::Padding::same, vs::Padding::valid}) {
    for (const int size : {2, 3}) {
      const vs::PoolOptions options = {.ksize = {1, size, size, 1}, .padding = padding};
      check_gradients({distinct_values(random, {2, 5, 6, 3})},
                      [&](const auto& in) { return vs::max_pool(in[0], options); });
      check_gradients({random_doubles(random, {2, 5, 6, 3})},
                      [&](const auto& in) { return vs::avg_pool(in[0], options); });
    }
  }
  check_gradients({random_doubles(random, {2, 2, 3, 2})}, [](const auto& in) {
    return vs::avg_pool_grad({2, 4, 6, 2}, in[0], {.padding = vs::Padding::same});
  });
}

BOOST_AUTO_TEST_CASE(cross_entropies) {
  Random random;
  // The rule takes labels for probabilities: each row sums to 1.
  const vs::Array probabilities = evaluate({random_array(random, {4, 5}, vs::float64, -2, 2)},
                                           [](const auto& in) { return vs::softmax(in[0]); });
  const vs::Array classes = vs::Array::of<std::int32_t>({4}, {3, 0, 4, 4});
  for (const bool sparse : {false, true}) {
    check_gradients({random_array(random, {4, 5}, vs::float64, -2, 2)}, [&](const auto& in) {
      if (sparse) return vs::sparse_softmax_cross_entropy_with_logits(vs::constant(classes), in[0]);
      return vs::softmax_cross_entropy_with_logits(vs::cast(vs::constant(probabilities), in[0].dtype()),
                                                   in[0]);
    });
    // Their second output is a function of the logits, too.
    check_gradients({random_array(random, {4, 5}, vs::float64, -2, 2)}, [&](const auto& in) {
      const vs::Tensor loss = sparse
                                  ? vs::sparse_softmax_cross_entropy_with_logits(vs::constant(classes), in[0])
                                  : vs::softmax_cross_entropy_with_logits(
                                        vs::cast(vs::constant(probabilities), in[0].dtype()), in[0]);
      return loss.op().output(1);
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
