// SPDX-License-Identifier: Apache-2.0
// The gradient rules of the functions in elementwise_unary.cpp: what flows to the input of `gradient`.
#pragma once

#include <varscope/tensor.hpp>

namespace varscope::detail {

Tensor negative_gradient(const Operation& operation, const Tensor& gradient);
Tensor square_gradient(const Operation& operation, const Tensor& gradient);
Tensor exp_gradient(const Operation& operation, const Tensor& gradient);
Tensor log_gradient(const Operation& operation, const Tensor& gradient);
/// Zero at zero.
Tensor abs_gradient(const Operation& operation, const Tensor& gradient);
Tensor relu_gradient(const Operation& operation, const Tensor& gradient);
Tensor sqrt_gradient(const Operation& operation, const Tensor& gradient);
Tensor sigmoid_gradient(const Operation& operation, const Tensor& gradient);
Tensor tanh_gradient(const Operation& operation, const Tensor& gradient);

}  // namespace varscope::detail
