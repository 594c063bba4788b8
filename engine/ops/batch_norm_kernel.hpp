// SPDX-License-Identifier: Apache-2.0
// The kernels of FusedBatchNorm and its gradient: the passes of varscope/simd/batch_norm.hpp, cut into tiles.
#pragma once

#include "graph/op_definition.hpp"

#include <memory>

namespace varscope::detail {

/// What TensorFlow calls its attributes.
struct BatchNormAttributes {
  double epsilon = 0.001;
  bool is_training = true;
};

/// Inputs: x [.., channels], scale, offset and, unless training, mean, variance. Outputs: y, the mean and the
/// variance for moving averages (with n - 1 as the divisor), the mean and the variance for the gradient (with
/// n). Requires: x is float32 or float64, with known shape.
std::unique_ptr<Kernel> make_batch_norm_kernel(const TensorSpec& x, const BatchNormAttributes& attributes);

/// Inputs: y_backprop, x [.., channels], scale, mean, variance. Outputs: the gradients with regard to x,
/// scale and offset.
std::unique_ptr<Kernel> make_batch_norm_grad_kernel(const TensorSpec& x,
                                                    const BatchNormAttributes& attributes);

}  // namespace varscope::detail
