// SPDX-License-Identifier: Apache-2.0
// What a convolution and its gradients share: which images and filters fit each other, and the numbers that
// kernels need.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/nn_ops.hpp>
#include <varscope/simd/conv2d.hpp>

namespace varscope::detail {

/// The shape of conv2d(image, filter, options), as far as it is known. Throws ValueError as conv2d() does.
Shape conv2d_output_shape(const TensorSpec& image, const TensorSpec& filter, const Conv2DOptions& options);

/// Requires: all known, and `out` what conv2d_output_shape() gives.
simd::Conv2DShape conv2d_kernel_shape(const Shape& image, const Shape& filter, const Shape& out,
                                      const Conv2DOptions& options);

/// Multiply-adds of the convolution, and of each of its two gradients.
double multiply_adds(const simd::Conv2DShape& shape) noexcept;

/// Throws ValueError if there is no algorithm of that name; empty is "automatic".
void require_conv2d_algorithm(const Conv2DOptions& options);

simd::Conv2DAlgorithm conv2d_algorithm_of(const Conv2DOptions& options) noexcept;
simd::Conv2DAccuracy conv2d_accuracy_of(const Conv2DOptions& options) noexcept;

}  // namespace varscope::detail
