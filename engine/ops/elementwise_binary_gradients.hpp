// SPDX-License-Identifier: Apache-2.0
// The gradient rules of the functions in elementwise_binary.cpp: what flows to x and y of `gradient`.
#pragma once

#include <varscope/tensor.hpp>

#include <vector>

namespace varscope::detail {

std::vector<Tensor> add_gradients(const Operation& operation, const Tensor& gradient);
std::vector<Tensor> subtract_gradients(const Operation& operation, const Tensor& gradient);
std::vector<Tensor> multiply_gradients(const Operation& operation, const Tensor& gradient);
/// Of RealDiv and Div, of floating values.
std::vector<Tensor> divide_gradients(const Operation& operation, const Tensor& gradient);
/// Where both are equal, all of it flows to x, as in TensorFlow.
std::vector<Tensor> maximum_gradients(const Operation& operation, const Tensor& gradient);
std::vector<Tensor> minimum_gradients(const Operation& operation, const Tensor& gradient);
/// Of BiasAdd.
std::vector<Tensor> bias_add_gradients(const Operation& operation, const Tensor& gradient);

}  // namespace varscope::detail
