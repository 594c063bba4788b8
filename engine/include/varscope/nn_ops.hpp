// SPDX-License-Identifier: Apache-2.0
// Operations of neural networks. Names, defaults and shape rules are TensorFlow's (tf.nn).
//
// Every function adds one operation to the graph of its inputs (to the thread's default graph if they have
// none) and may be called from any thread at any time. `name` is the operation's name below the current name
// scope; empty means TensorFlow's default, given with each function. All of them throw ValueError or
// TypeError with the operation's name, the inputs and the line `where` when dtypes or known shapes do not
// fit, ValueError for an invalid name or inputs of different graphs, and RuntimeError if the graph is
// finalized; a call that throws has added nothing. A dimension that is not known yet is checked by the run.
//
// Images are NHWC, filters HWIO. Results are the same bits for any number of threads.
#pragma once

#include <varscope/accuracy.hpp>
#include <varscope/export.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {

/// Where a window may lie. With window k, stride s, dilation d, in -> out:
/// same: out = ceil(in / s); zeros are assumed around the image, half of them (rounded down) before it.
/// valid: out = ceil((in - (k - 1) * d) / s); windows lie wholly inside.
enum class Padding { same, valid };

struct Conv2DOptions {
  std::array<int, 4> strides = {1, 1, 1, 1};  // NHWC; the first and last must be 1
  Padding padding = Padding::same;
  std::array<int, 4> dilations = {1, 1, 1, 1};  // NHWC; the first and last must be 1
  /// strict excludes algorithms with larger rounding errors; SessionOptions has it for all ops of a run.
  Accuracy accuracy = Accuracy::fast;
  /// Which algorithm computes float32: empty or "automatic" lets the plan choose, by a model of the machine.
  /// For measurements: one of conv2d_algorithms(). One that cannot do the shape makes the run throw
  /// UnimplementedError.
  std::string algorithm = {};
  std::string name = {};  // empty: "Conv2D"
};

/// The names that Conv2DOptions::algorithm takes, "automatic" first. Any thread.
VARSCOPE_API std::vector<std::string> conv2d_algorithms();

/// Convolution (cross-correlation) of `input` [n, h, w, c] with `filter` [r, s, c / groups, k] to [n, oh, ow,
/// k] (tf.nn.conv2d; "Conv2D"):
///   out(n, y, x, k) = sum over i, j, q of input(n, y * stride + i * dilation - pad, .., q) * filter(i, j, q,
///   k)
/// The number of groups is the channels of the input divided by those of the filter. float32, float64 and
/// int32. Throws ValueError if a stride or dilation is below 1, the channels of input and filter do not
/// divide, or a VALID window is larger than the image.
VARSCOPE_API Tensor conv2d(const TensorLike& input, const TensorLike& filter, Conv2DOptions options = {},
                           SourceLocation where = SourceLocation::current());

/// value + bias, with the vector `bias` along the last dimension of `value`, which has rank 2 or more
/// (tf.nn.bias_add; "BiasAdd"). float32, float64, int32, int64, uint8.
VARSCOPE_API Tensor bias_add(const TensorLike& value, const TensorLike& bias, std::string_view name = {},
                             SourceLocation where = SourceLocation::current());

/// max(x, 0), NaN stays NaN (tf.nn.relu; "Relu"). float32, float64, int32, int64, uint8.
VARSCOPE_API Tensor relu(const TensorLike& features, std::string_view name = {},
                         SourceLocation where = SourceLocation::current());

/// 1 / (1 + exp(-x)) (tf.sigmoid; "Sigmoid"). float32, float64.
VARSCOPE_API Tensor sigmoid(const TensorLike& x, std::string_view name = {},
                            SourceLocation where = SourceLocation::current());

/// The hyperbolic tangent (tf.tanh; "Tanh"). float32, float64.
VARSCOPE_API Tensor tanh(const TensorLike& x, std::string_view name = {},
                         SourceLocation where = SourceLocation::current());

struct SoftmaxOptions {
  int axis = -1;          // the dimension that sums to 1
  std::string name = {};  // empty: "Softmax"
};

/// exp(x - m) / sum of exp(x - m) along one dimension, m its maximum (tf.nn.softmax; "Softmax"). float32,
/// float64. Throws ValueError for a scalar or an axis out of range.
VARSCOPE_API Tensor softmax(const TensorLike& logits, SoftmaxOptions options = {},
                            SourceLocation where = SourceLocation::current());

/// The cross entropy of each row of `labels` [.., classes], which are probabilities, and the softmax of the
/// row of `logits` [.., classes]: - sum of labels * log(softmax(logits)), as [..]
/// (tf.nn.softmax_cross_entropy_with_logits of TensorFlow 1.x; "SoftmaxCrossEntropyWithLogits", named
/// "softmax_cross_entropy_with_logits_sg"). Computed from the logits as they are, so that none is too large;
/// a label of zero counts for nothing. The operation's second output is the gradient with regard to the
/// logits, softmax(logits) - labels, which is right if each row of labels sums to 1. Nothing flows back to
/// the labels. float32, float64. Throws ValueError unless both have the same shape.
VARSCOPE_API Tensor softmax_cross_entropy_with_logits(const TensorLike& labels, const TensorLike& logits,
                                                      std::string_view name = {},
                                                      SourceLocation where = SourceLocation::current());

/// The same for rows that belong to one class each: `labels` [..] are the numbers of the classes, int32 or
/// int64 (tf.nn.sparse_softmax_cross_entropy_with_logits; "SparseSoftmaxCrossEntropyWithLogits"). float32,
/// float64. Throws ValueError unless `labels` has the shape of `logits` without its last dimension; a run
/// with a label below 0, or not below the number of classes, throws InvalidArgumentError.
VARSCOPE_API Tensor sparse_softmax_cross_entropy_with_logits(
    const TensorLike& labels, const TensorLike& logits, std::string_view name = {},
    SourceLocation where = SourceLocation::current());

/// sum(t^2) / 2 (tf.nn.l2_loss; "L2Loss"). float32, float64.
VARSCOPE_API Tensor l2_loss(const TensorLike& t, std::string_view name = {},
                            SourceLocation where = SourceLocation::current());

struct PoolOptions {
  std::array<int, 4> ksize = {1, 2, 2, 1};    // window, NHWC; the first and last must be 1
  std::array<int, 4> strides = {1, 2, 2, 1};  // NHWC; the first and last must be 1
  Padding padding = Padding::valid;
  std::string name = {};  // empty: "MaxPool" or "AvgPool"
};

/// The largest element of each window of an image [n, h, w, c] (tf.nn.max_pool; "MaxPool"). float32, float64,
/// int32, int64, uint8.
VARSCOPE_API Tensor max_pool(const TensorLike& value, PoolOptions options = {},
                             SourceLocation where = SourceLocation::current());

/// The mean of those elements of each window that lie in the image (tf.nn.avg_pool; "AvgPool"). float32,
/// float64.
VARSCOPE_API Tensor avg_pool(const TensorLike& value, PoolOptions options = {},
                             SourceLocation where = SourceLocation::current());

/// The rows of `params` with the numbers `ids`: gather() under the name that it has for embeddings
/// (tf.nn.embedding_lookup; "GatherV2", named "embedding_lookup"). Its gradient is a tensor as large as
/// `params`, which is not computed where an optimizer updates the rows alone (optimizer.hpp).
VARSCOPE_API Tensor embedding_lookup(const TensorLike& params, const TensorLike& ids,
                                     std::string_view name = {},
                                     SourceLocation where = SourceLocation::current());

struct LrnOptions {
  int depth_radius = 5;  // channels on each side that count
  double bias = 1;
  double alpha = 1;
  double beta = 0.5;
  std::string name = {};  // empty: "LRN"
};

/// Local response normalization of an image [n, h, w, c] (tf.nn.local_response_normalization, tf.nn.lrn;
/// "LRN"): x(d) / (bias + alpha * sum of x(i)^2)^beta, the sum over the channels i of the same pixel from
/// d - depth_radius to d + depth_radius. float32, float64. Throws ValueError for another rank or a negative
/// radius.
VARSCOPE_API Tensor local_response_normalization(const TensorLike& input, LrnOptions options = {},
                                                 SourceLocation where = SourceLocation::current());

struct FusedBatchNormOptions {
  /// Of each channel, [channels]: for inference only, and then both are needed.
  std::optional<TensorLike> mean = std::nullopt;
  std::optional<TensorLike> variance = std::nullopt;
  double epsilon = 0.001;  // one below 1.001e-5 counts as that, as in TensorFlow
  bool is_training = true;
  std::string name = {};  // empty: "FusedBatchNorm"
};

struct FusedBatchNorm {
  Tensor y;
  Tensor batch_mean;      // [channels]; the given one unless training
  Tensor batch_variance;  // with n - 1 as the divisor: for moving averages; the given one unless training
};

/// Batch normalization of an image [n, h, w, c], with `scale` and `offset` [c] (tf.nn.fused_batch_norm;
/// "FusedBatchNorm"): (x - mean) / sqrt(variance + epsilon) * scale + offset. In training mean and variance
/// are those of each channel of the batch. As TensorFlow has it, there are two variances then: the result is
/// made with the one whose divisor is n, the number of elements of a channel, and `batch_variance` is that
/// times n / (n - 1) (Bessel's correction; of one element 0). An empty batch has NaN for both. Neither
/// loses digits to a large mean. Nothing flows back from batch_mean and batch_variance, nor to the given mean
/// and variance. float32, and beyond TensorFlow float64. Throws ValueError for mean or variance in training,
/// for one missing in inference, for another rank, and unless the vectors have as many elements as `x` has
/// channels.
VARSCOPE_API FusedBatchNorm fused_batch_norm(const TensorLike& x, const TensorLike& scale,
                                             const TensorLike& offset, FusedBatchNormOptions options = {},
                                             SourceLocation where = SourceLocation::current());

struct MomentsOptions {
  bool keepdims = false;  // reduced dimensions stay, with extent 1
  std::string name = {};  // empty: "moments"
};

struct Moments {
  Tensor mean;
  Tensor variance;  // the mean of the squares of the distances to the mean
};

/// Mean and variance over some dimensions (tf.nn.moments; operations below "moments/"). float32, float64.
/// Throws what reduce_mean() throws.
VARSCOPE_API Moments moments(const TensorLike& x, const Axes& axes, MomentsOptions options = {},
                             SourceLocation where = SourceLocation::current());

/// x * f + (offset - mean * f) with f = scale / sqrt(variance + variance_epsilon), all of shapes that
/// broadcast to that of `x` (tf.nn.batch_normalization; operations below "batchnorm/"). std::nullopt for
/// `offset` or `scale` stands for 0 or 1. float32, float64. Of images fused_batch_norm() is faster.
VARSCOPE_API Tensor batch_normalization(const TensorLike& x, const TensorLike& mean,
                                        const TensorLike& variance, const std::optional<TensorLike>& offset,
                                        const std::optional<TensorLike>& scale, double variance_epsilon,
                                        std::string_view name = {},
                                        SourceLocation where = SourceLocation::current());

struct DropoutOptions {
  /// With the graph's seed it determines the numbers; without any seed they differ from session to session.
  std::optional<std::uint64_t> seed = std::nullopt;
  /// An int32 or int64 scalar that takes the place of the run: with the global step, training that goes on
  /// from a checkpoint draws the numbers that it would have drawn.
  Tensor step = {};
  std::string name = {};  // empty: "dropout"
};

/// Keeps each element with probability `keep_prob` and divides it by that, else sets it to zero: TensorFlow
/// 1.x's tf.nn.dropout ("dropout"). New numbers in each run; which elements are kept depends on the seeds,
/// the run (or the step) and the element's index only. float32, float64. Gives `x` itself for keep_prob 1.
/// Throws ValueError unless 0 < keep_prob <= 1, or for a step that is no scalar; TypeError for a step that is
/// no integer.
VARSCOPE_API Tensor dropout(const TensorLike& x, double keep_prob, DropoutOptions options = {},
                            SourceLocation where = SourceLocation::current());

}  // namespace varscope
