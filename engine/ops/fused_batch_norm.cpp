// SPDX-License-Identifier: Apache-2.0
// FusedBatchNorm and FusedBatchNormGrad: batch normalization of images in three passes over memory, or one
// for inference, and its gradient in two.
#include "ops/batch_norm_kernel.hpp"
#include "ops/build.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/nn_gradient_ops.hpp>
#include <varscope/nn_ops.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace varscope {

namespace {

using detail::BatchNormAttributes;
using detail::TensorSpec;

constexpr const char* kLayout = "[batch, height, width, channels]";

/// TensorFlow's tf.nn.fused_batch_norm() raises it to what cuDNN requires.
constexpr double kLeastEpsilon = 1.001e-5;

BatchNormAttributes attributes_of(double epsilon, bool is_training) {
  return {.epsilon = std::max(epsilon, kLeastEpsilon), .is_training = is_training};
}

/// The shape of the image with what the vectors, of one element for each channel, know of the channels.
Shape with_channels(const TensorSpec& image, std::string_view image_parameter,
                    std::span<const TensorSpec> vectors, std::span<const std::string_view> parameters) {
  Shape shape = detail::with_rank(image, image_parameter, 4, kLayout);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    detail::require_same_dtype(image, image_parameter, vectors[i], parameters[i]);
    const Shape vector = detail::with_rank(vectors[i], parameters[i], 1, "[channels]");
    if (!Shape{shape[3]}.compatible_with(vector)) {
      throw ValueError("'" + std::string(image_parameter) + "' is " + detail::to_string(image) + " and '" +
                       std::string(parameters[i]) + "' is " + detail::to_string(vectors[i]) +
                       ", but must have one element for each channel");
    }
    shape = {shape[0], shape[1], shape[2], Shape{shape[3]}.merged_with(vector)[0]};
  }
  return shape;
}

/// Inputs: y_backprop, x, scale, mean, variance. Outputs: x_backprop, scale_backprop, offset_backprop.
class FusedBatchNormGradDefinition final : public detail::OpDefinition {
 public:
  explicit FusedBatchNormGradDefinition(const BatchNormAttributes& attributes) : attributes_(attributes) {}

  std::string_view type() const noexcept override { return "FusedBatchNormGrad"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    static constexpr std::string_view kVectors[] = {"scale", "mean", "variance"};
    const TensorSpec& backprop = inputs[0];
    const TensorSpec& x = inputs[1];
    detail::require_floating(x, "x");
    detail::require_same_dtype(x, "x", backprop, "y_backprop");
    Shape shape = with_channels(x, "x", inputs.subspan(2), kVectors);
    if (!shape.compatible_with(backprop.shape)) {
      throw ValueError("'y_backprop' is " + detail::to_string(backprop) + " and 'x' is " +
                       detail::to_string(x) + ", but both must have the same shape");
    }
    shape = shape.merged_with(backprop.shape);
    return {{x.dtype, shape}, {x.dtype, {shape[3]}}, {x.dtype, {shape[3]}}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    return detail::make_batch_norm_grad_kernel(inputs[1], attributes_);
  }

 private:
  BatchNormAttributes attributes_;
};

/// Inputs: x, scale, offset and, unless training, mean, variance. Outputs: y, batch_mean, batch_variance, and
/// the mean and variance for the gradient, as TensorFlow's reserve_space_1 and reserve_space_2.
class FusedBatchNormDefinition final : public detail::OpDefinition {
 public:
  explicit FusedBatchNormDefinition(const BatchNormAttributes& attributes) : attributes_(attributes) {}

  std::string_view type() const noexcept override { return "FusedBatchNorm"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    static constexpr std::string_view kVectors[] = {"scale", "offset", "mean", "variance"};
    const TensorSpec& x = inputs[0];
    detail::require_floating(x, "x");
    const Shape shape = with_channels(x, "x", inputs.subspan(1), kVectors);
    std::vector<TensorSpec> outputs(5, {x.dtype, {shape[3]}});
    outputs[0].shape = shape;
    return outputs;
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    return detail::make_batch_norm_kernel(inputs[0], attributes_);
  }

  /// Nothing flows back from the statistics, as in TensorFlow.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    std::vector<Tensor> gradients(inputs.size());
    if (!output_gradients[0]) return gradients;
    const FusedBatchNormGradients of = fused_batch_norm_grad(
        output_gradients[0], inputs[0], inputs[1], operation.output(3), operation.output(4),
        {.epsilon = attributes_.epsilon, .is_training = attributes_.is_training}, operation.where());
    gradients[0] = of.x;
    gradients[1] = of.scale;
    gradients[2] = of.offset;
    return gradients;
  }

 private:
  BatchNormAttributes attributes_;
};

}  // namespace

FusedBatchNorm fused_batch_norm(const TensorLike& x, const TensorLike& scale, const TensorLike& offset,
                                FusedBatchNormOptions options, SourceLocation where) {
  const bool given = options.mean.has_value() && options.variance.has_value();
  if (options.is_training ? options.mean || options.variance : !given) {
    throw ValueError("operation 'FusedBatchNorm' at " + to_string(where) +
                     (options.is_training ? ": .mean and .variance are given, but training takes those of "
                                            "the batch; inference is .is_training = false"
                                          : ": without .is_training it needs .mean and .variance"));
  }
  std::vector<detail::NamedInput> inputs = {{"x", &x}, {"scale", &scale}, {"offset", &offset}};
  if (given) {
    inputs.push_back({"mean", &*options.mean});
    inputs.push_back({"variance", &*options.variance});
  }
  const Tensor y = detail::build(
      std::make_shared<FusedBatchNormDefinition>(attributes_of(options.epsilon, options.is_training)),
      std::move(inputs), options.name, "FusedBatchNorm", where);
  return {.y = y, .batch_mean = y.op().output(1), .batch_variance = y.op().output(2)};
}

FusedBatchNormGradients fused_batch_norm_grad(const TensorLike& y_backprop, const TensorLike& x,
                                              const TensorLike& scale, const TensorLike& mean,
                                              const TensorLike& variance, FusedBatchNormGradOptions options,
                                              SourceLocation where) {
  const Tensor of_x = detail::build(
      std::make_shared<FusedBatchNormGradDefinition>(attributes_of(options.epsilon, options.is_training)),
      {{"y_backprop", &y_backprop}, {"x", &x}, {"scale", &scale}, {"mean", &mean}, {"variance", &variance}},
      options.name, "FusedBatchNormGrad", where);
  return {.x = of_x, .scale = of_x.op().output(1), .offset = of_x.op().output(2)};
}

}  // namespace varscope
