// SPDX-License-Identifier: Apache-2.0
// The gradients of conv2d(image, filter, options), as parts of gradient rules: the shapes that
// conv2d_backprop_input() and conv2d_backprop_filter() are given as numbers may be known by the run alone.
#pragma once

#include <varscope/nn_ops.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

namespace varscope::detail {

/// With regard to the image, of which only the shape counts. An algorithm that the options name is the
/// convolution's own: its gradients let their plans choose.
Tensor conv2d_input_gradient(const Tensor& image, const Tensor& filter, const Tensor& gradient,
                             const Conv2DOptions& options, const SourceLocation& where);

/// With regard to the filter, of which only the shape counts.
Tensor conv2d_filter_gradient(const Tensor& image, const Tensor& filter, const Tensor& gradient,
                              const Conv2DOptions& options, const SourceLocation& where);

}  // namespace varscope::detail
