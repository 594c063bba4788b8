// SPDX-License-Identifier: Apache-2.0
// The networks of fashion_mnist. Their functions own their variables by name: the first call makes them, a
// call in a scope that reuses shares them.
#pragma once

#include <varscope/varscope.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace example {

/// What a call of a network is for. While training, dropout draws its numbers by the step.
struct Mode {
  bool training = false;
  varscope::Tensor step = {};
};

inline varscope::Tensor conv(varscope::Tensor images, std::int64_t size, std::int64_t filters) {
  auto weights = varscope::get_variable("weights", {size, size, images.shape()[3], filters});
  auto biases = varscope::get_variable(
      "biases", {filters},
      {.initializer = varscope::zeros_initializer(), .regularizer = varscope::no_regularizer()});
  return varscope::bias_add(varscope::conv2d(images, weights), biases);
}

inline varscope::Tensor dense(varscope::Tensor input, std::int64_t units) {
  auto weights = varscope::get_variable("weights", {input.shape()[1], units});
  auto biases = varscope::get_variable(
      "biases", {units},
      {.initializer = varscope::zeros_initializer(), .regularizer = varscope::no_regularizer()});
  return varscope::matmul(input, weights) + biases;
}

inline varscope::Tensor dropout(varscope::Tensor input, double keep_prob, const Mode& mode) {
  return mode.training ? varscope::dropout(input, keep_prob, {.step = mode.step}) : input;
}

/// The network of benchmark/convnet.py in the data package's documentation, which is that of TensorFlow's
/// tutorial of layers: weights by Glorot and Bengio, the default of get_variable().
inline varscope::Tensor two_convolutions(varscope::Tensor images, const Mode& mode) {
  varscope::Tensor x = images;
  {
    auto scope = varscope::variable_scope("conv1");  // "conv1/weights", "conv1/biases"
    x = varscope::max_pool(varscope::relu(conv(x, 5, 32)));
  }
  {
    auto scope = varscope::variable_scope("conv2");
    x = varscope::max_pool(varscope::relu(conv(x, 5, 64)));
  }
  x = varscope::reshape(x, {-1, x.shape()[1] * x.shape()[2] * x.shape()[3]});
  {
    auto scope = varscope::variable_scope("dense");
    x = dropout(varscope::relu(dense(x, 1024)), 0.6, mode);
  }
  auto scope = varscope::variable_scope("logits");
  return dense(x, 10);
}

/// A convolution whose output is normalized: no biases, since the normalization has its own.
inline varscope::Tensor conv_norm(varscope::Tensor images, std::int64_t filters, const Mode& mode,
                                  varscope::Initializer gamma = varscope::ones_initializer()) {
  auto weights = varscope::get_variable("weights", {3, 3, images.shape()[3], filters});
  return varscope::layers::batch_normalization(varscope::conv2d(images, weights),
                                               {.training = mode.training,
                                                .gamma_initializer = gamma,
                                                .beta_regularizer = varscope::no_regularizer(),
                                                .gamma_regularizer = varscope::no_regularizer(),
                                                .name = "norm"});
}

/// Two convolutions, added to what goes in; from nothing on, since the second one's gamma starts with zero.
inline varscope::Tensor residual(varscope::Tensor x, const Mode& mode) {
  const std::int64_t filters = x.shape()[3];
  varscope::Tensor change;
  {
    auto scope = varscope::variable_scope("conv1");  // "conv1/weights", "conv1/norm/gamma"
    change = varscope::relu(conv_norm(x, filters, mode));
  }
  auto scope = varscope::variable_scope("conv2");
  return varscope::relu(x + conv_norm(change, filters, mode, varscope::zeros_initializer()));
}

/// Images of three sizes, each with more filters than the one before.
inline varscope::Tensor small_logits(varscope::Tensor images, const Mode& mode) {
  auto small = varscope::variable_scope("small", {.initializer = varscope::he_normal_initializer(),
                                                  .regularizer = varscope::l2_regularizer(5e-4)});
  varscope::Tensor x = images;
  {
    auto scope = varscope::variable_scope("conv");
    x = varscope::relu(conv_norm(x, 32, mode));
  }
  for (const std::int64_t filters : {32, 64, 128}) {
    auto block = varscope::variable_scope("block" + std::to_string(filters));
    {
      auto scope = varscope::variable_scope("conv");
      x = varscope::relu(conv_norm(x, filters, mode));
    }
    if (filters > 32) x = residual(x, mode);
    if (filters < 128) x = varscope::max_pool(x);
  }
  x = dropout(varscope::reduce_mean(x, {.axis = {1, 2}}), 0.8, mode);
  auto scope = varscope::variable_scope("logits");
  return dense(x, 10);
}

/// Right is left: the columns, gathered from the last one to the first.
inline varscope::Tensor mirrored(const varscope::Tensor& images) {
  std::vector<std::int32_t> columns(static_cast<std::size_t>(images.shape()[2]));
  std::iota(columns.rbegin(), columns.rend(), 0);
  const auto order = varscope::Array::of<std::int32_t>({images.shape()[2]}, columns);
  auto by_column = varscope::transpose(images, {2, 0, 1, 3});
  return varscope::transpose(varscope::gather(by_column, order), {1, 2, 0, 3});
}

/// 472,874 parameters. It learns from images and mirror images; evaluated, it looks at both.
inline varscope::Tensor small(varscope::Tensor images, const Mode& mode) {
  auto logits = small_logits(images, mode);
  return mode.training ? logits : logits + small_logits(mirrored(images), mode);
}

}  // namespace example
