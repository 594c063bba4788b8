// SPDX-License-Identifier: Apache-2.0
// The backward halves of operations of neural networks, for those who write gradients by hand; gradients()
// adds them by itself. Names, defaults and shape rules are TensorFlow's.
//
// What <varscope/nn_ops.hpp> says of names, errors and threads holds here, too.
#pragma once

#include <varscope/export.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>

#include <string>

namespace varscope {

/// The gradient of conv2d(input, filter, options) with regard to its input, an image of shape `input_sizes`
/// [n, h, w, c], from `out_backprop`, the gradient with regard to its output (tf.nn.conv2d_backprop_input;
/// "Conv2DBackpropInput"):
///   result(n, i, j, q) = sum over all y, x, r, s, k that multiplied input(n, i, j, q) of
///                        out_backprop(n, y, x, k) * filter(r, s, q, k)
/// The batch of `input_sizes` may be -1: that of out_backprop; its other dimensions must be known. float32
/// and float64. It is computed as one convolution at stride 1, or at larger strides as several: an algorithm
/// of the options is theirs. Throws ValueError for what conv2d() refuses, and if out_backprop has another
/// shape than that convolution gives.
VARSCOPE_API Tensor conv2d_backprop_input(const Shape& input_sizes, const TensorLike& filter,
                                          const TensorLike& out_backprop, Conv2DOptions options = {},
                                          SourceLocation where = SourceLocation::current());

/// The gradient of conv2d(input, filter, options) with regard to its filter, of shape `filter_sizes`
/// [r, s, c / groups, k], from `out_backprop`, the gradient with regard to its output
/// (tf.nn.conv2d_backprop_filter; "Conv2DBackpropFilter"):
///   result(r, s, q, k) = sum over n, y, x of
///                        input(n, y * stride + r * dilation - pad, .., q) * out_backprop(n, y, x, k)
/// float32 and float64. The algorithms are those of conv2d() but for "pointwise" and "strassen". Throws
/// ValueError for what conv2d() refuses, if `filter_sizes` is not known or out_backprop has another shape
/// than that convolution gives.
VARSCOPE_API Tensor conv2d_backprop_filter(const TensorLike& input, const Shape& filter_sizes,
                                           const TensorLike& out_backprop, Conv2DOptions options = {},
                                           SourceLocation where = SourceLocation::current());

/// The gradient of max_pool(orig_input, options) with regard to its image, from `grad`, the gradient with
/// regard to its output `orig_output` ("MaxPoolGrad"). Each window's goes to its largest element, of several
/// equal ones to the first, row by row; that of a window whose largest element is NaN goes nowhere. float32
/// and float64. Throws ValueError for what max_pool() refuses, and if `orig_output` or `grad` has another
/// shape than that gives.
VARSCOPE_API Tensor max_pool_grad(const TensorLike& orig_input, const TensorLike& orig_output,
                                  const TensorLike& grad, PoolOptions options = {},
                                  SourceLocation where = SourceLocation::current());

/// The gradient of avg_pool() with regard to its image, of shape `orig_input_shape` [n, h, w, c], from
/// `grad`, the gradient with regard to its output ("AvgPoolGrad"): each window's is divided among those of
/// its elements that lie in the image. The batch of `orig_input_shape` may be -1: that of `grad`; its other
/// dimensions must be known by the run. float32 and float64. Throws ValueError for what avg_pool() refuses,
/// and if `grad` has another shape than that gives.
VARSCOPE_API Tensor avg_pool_grad(const Shape& orig_input_shape, const TensorLike& grad,
                                  PoolOptions options = {}, SourceLocation where = SourceLocation::current());

/// The gradient of local_response_normalization(input_image, options) with regard to its image, from
/// `input_grads`, the gradient with regard to its output `output_image` ("LRNGrad"). float32, float64. Throws
/// ValueError unless all three have the same shape, of rank 4.
VARSCOPE_API Tensor lrn_grad(const TensorLike& input_grads, const TensorLike& input_image,
                             const TensorLike& output_image, LrnOptions options = {},
                             SourceLocation where = SourceLocation::current());

struct FusedBatchNormGradOptions {
  double epsilon = 0.001;  // one below 1.001e-5 counts as that
  bool is_training = true;
  std::string name = {};  // empty: "FusedBatchNormGrad"
};

struct FusedBatchNormGradients {
  Tensor x;
  Tensor scale;
  Tensor offset;
};

/// The gradients of fused_batch_norm(x, scale, offset, options) with regard to its inputs, from `y_backprop`,
/// the gradient with regard to its y ("FusedBatchNormGrad"). In training `mean` and `variance` are those of
/// the batch, the variance with n as its divisor (outputs 3 and 4 of the operation), and the gradient takes
/// into account that they follow from `x`; else they are those that were given. float32, float64. Throws
/// ValueError for what fused_batch_norm() refuses, and unless `y_backprop` has the shape of `x`.
VARSCOPE_API FusedBatchNormGradients fused_batch_norm_grad(const TensorLike& y_backprop, const TensorLike& x,
                                                           const TensorLike& scale, const TensorLike& mean,
                                                           const TensorLike& variance,
                                                           FusedBatchNormGradOptions options = {},
                                                           SourceLocation where = SourceLocation::current());

}  // namespace varscope
