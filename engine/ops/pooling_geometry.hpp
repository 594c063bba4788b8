// SPDX-License-Identifier: Apache-2.0
// What pooling and its gradients share.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/nn_ops.hpp>
#include <varscope/simd/pooling.hpp>
#include <varscope/source_location.hpp>

namespace varscope::detail {

/// The shape of the pooled image `value`, as far as it is known. Throws ValueError as max_pool() does.
Shape pool_output_shape(const TensorSpec& value, const PoolOptions& options);

/// Requires: all known, and `out` what pool_output_shape() gives.
simd::Pool2DShape pool_kernel_shape(const Shape& in, const Shape& out, const PoolOptions& options);

/// The gradient of avg_pool(value, options), whose shape the run alone may know.
Tensor average_pool_gradient(const Tensor& value, const Tensor& gradient, const PoolOptions& options,
                             const SourceLocation& where);

}  // namespace varscope::detail
