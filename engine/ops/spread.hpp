// SPDX-License-Identifier: Apache-2.0
// Spread: values repeated over dimensions that a reduction has taken away: the gradients of sums and means.
#pragma once

#include <varscope/math_ops.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// What flows to `input` of the gradient with regard to its sum over `axes`, which has the reduced dimensions
/// with extent 1 if `keepdims` says so; with regard to its mean, the gradient is divided by the number of
/// elements.
Tensor sum_gradient(const Tensor& gradient, const Tensor& input, const Axes& axes, bool keepdims,
                    const SourceLocation& where);
Tensor mean_gradient(const Tensor& gradient, const Tensor& input, const Axes& axes, bool keepdims,
                     const SourceLocation& where);

/// What flows to `input` of the gradient with regard to `maximum`, its largest elements over `axes`: among
/// equal ones it is divided equally, as in TensorFlow.
Tensor max_gradient(const Tensor& gradient, const Tensor& input, const Tensor& maximum, const Axes& axes,
                    bool keepdims, const SourceLocation& where);

/// `value` broadcast to the shape of `like`.
Tensor broadcast_to_shape_of(const Tensor& value, const Tensor& like, const SourceLocation& where);

}  // namespace varscope::detail
