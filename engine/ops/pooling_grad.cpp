// SPDX-License-Identifier: Apache-2.0
// MaxPoolGrad and AvgPoolGrad: the gradients of pooling with regard to the image.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/pooling_geometry.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/nn_gradient_ops.hpp>
#include <varscope/simd/reference/pooling_grad.hpp>

#include <string>
#include <utility>
#include <vector>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;
using simd::Pool2DShape;

template <typename T>
auto max_pool_grad_function() {
  if constexpr (std::is_same_v<T, float>) {
    return detail::kernel_set().pooling.max_pool2d_grad;
  } else {
    return &simd::reference::max_pool2d_grad<T>;
  }
}

template <typename T>
auto average_pool_grad_function() {
  if constexpr (std::is_same_v<T, float>) {
    return detail::kernel_set().pooling.average_pool2d_grad;
  } else {
    return &simd::reference::average_pool2d_grad<T>;
  }
}

/// Rows of the image are the items.
template <typename T>
detail::RangeOptions pool_grad_range(const Pool2DShape& shape) {
  // Each element of the image once, and as often as windows overlap.
  const std::int64_t visits = shape.in_width * shape.channels *
                              (1 + shape.window_height * shape.window_width /
                                       std::max<std::int64_t>(1, shape.stride_height * shape.stride_width));
  // A window on the border of two tiles is visited by both, so tiles are some windows high.
  const std::int64_t rows =
      std::max(detail::items_per_tile(visits), 4 * std::max(shape.window_height, shape.stride_height));
  return {.items = shape.channels == 0 || shape.in_width == 0 ? 0 : shape.batch * shape.in_height,
          .items_per_tile = rows,
          .nanoseconds_per_item = static_cast<double>(visits) * (std::is_same_v<T, float> ? 0.2 : 4)};
}

/// Throws ValueError unless `gradient` can be that of the pooled `value`.
void require_pooled(const TensorSpec& value, const TensorSpec& gradient, std::string_view parameter,
                    const PoolOptions& options) {
  const Shape expected = detail::pool_output_shape(value, options);
  if (expected.compatible_with(gradient.shape)) return;
  throw ValueError("'" + std::string(parameter) + "' is " + detail::to_string(gradient) +
                   ", but pooling an image " + detail::to_string(value) + " gives " + expected.to_string());
}

/// Inputs: orig_input, orig_output, grad.
class MaxPoolGradDefinition final : public detail::OpDefinition {
 public:
  explicit MaxPoolGradDefinition(PoolOptions options) : options_(std::move(options)) {}

  std::string_view type() const noexcept override { return "MaxPoolGrad"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    detail::require_floating(inputs[0], "orig_input");
    detail::require_same_dtype(inputs[0], "orig_input", inputs[1], "orig_output");
    detail::require_same_dtype(inputs[0], "orig_input", inputs[2], "grad");
    require_pooled(inputs[0], inputs[1], "orig_output", options_);
    require_pooled(inputs[0], inputs[2], "grad", options_);
    return {
        {inputs[0].dtype, detail::with_rank(inputs[0], "orig_input", 4, "[batch, height, width, channels]")}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    const Pool2DShape shape = detail::pool_kernel_shape(inputs[0].shape, inputs[2].shape, options_);
    return detail::visit_element_type<float, double>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return detail::make_range_kernel(
              pool_grad_range<T>(shape),
              [shape, function = max_pool_grad_function<T>()](std::int64_t first, std::int64_t last,
                                                              const KernelArguments& arguments) noexcept {
                function(shape, detail::input<T>(arguments, 0), detail::input<T>(arguments, 1),
                         detail::input<T>(arguments, 2), detail::output<T>(arguments, 0), first, last);
                return static_cast<const char*>(nullptr);
              });
        });
  }

 private:
  PoolOptions options_;
};

/// Inputs: grad; where the shape is not given as numbers the image, for its shape.
class AvgPoolGradDefinition final : public detail::OpDefinition {
 public:
  AvgPoolGradDefinition(PoolOptions options, std::optional<Shape> input_shape)
      : options_(std::move(options)), input_shape_(std::move(input_shape)) {}

  std::string_view type() const noexcept override { return "AvgPoolGrad"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& grad = inputs[0];
    detail::require_floating(grad, "grad");
    const Shape out = detail::with_rank(grad, "grad", 4, "[batch, height, width, channels]");
    Shape in = input_shape_ ? *input_shape_ : inputs[1].shape;
    if (!in.has_rank()) in = detail::unknown_of_rank(4);
    if (in.rank() == 4 && in[0] == unknown_dimension) in = {out[0], in[1], in[2], in[3]};
    require_pooled({grad.dtype, in}, grad, "grad", options_);
    return {{grad.dtype, in}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Pool2DShape shape = detail::pool_kernel_shape(outputs[0].shape, inputs[0].shape, options_);
    return detail::visit_element_type<float, double>(
        outputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return detail::make_range_kernel(
              pool_grad_range<T>(shape),
              [shape, function = average_pool_grad_function<T>()](std::int64_t first, std::int64_t last,
                                                                  const KernelArguments& arguments) noexcept {
                function(shape, detail::input<T>(arguments, 0), detail::output<T>(arguments, 0), first, last);
                return static_cast<const char*>(nullptr);
              });
        });
  }

  std::optional<detail::ShapedOperation> with_known_shapes(
      std::span<const TensorSpec> inputs) const override {
    if (input_shape_) return std::nullopt;
    return detail::ShapedOperation{std::make_shared<AvgPoolGradDefinition>(options_, inputs[1].shape), 1};
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    // Linear, and its own transpose is the pooling.
    std::vector<Tensor> gradients;
    gradients.push_back(avg_pool(output_gradients[0], options_, operation.where()));
    if (!input_shape_) gradients.emplace_back();  // nothing flows to a shape
    return gradients;
  }

 private:
  PoolOptions options_;
  std::optional<Shape> input_shape_;
};

}  // namespace

namespace detail {

Tensor average_pool_gradient(const Tensor& value, const Tensor& gradient, const PoolOptions& options,
                             const SourceLocation& where) {
  PoolOptions unnamed = options;
  unnamed.name.clear();
  const Shape& in = value.shape();
  const bool known =
      in.has_rank() && in[1] != unknown_dimension && in[2] != unknown_dimension && in[3] != unknown_dimension;
  if (known) return avg_pool_grad(in, gradient, std::move(unnamed), where);
  const TensorLike like(value, where);
  const TensorLike grad(gradient, where);
  return build(std::make_shared<AvgPoolGradDefinition>(std::move(unnamed), std::nullopt),
               {{"grad", &grad}, {"orig_input", &like}}, {}, "AvgPoolGrad", where);
}

}  // namespace detail

Tensor max_pool_grad(const TensorLike& orig_input, const TensorLike& orig_output, const TensorLike& grad,
                     PoolOptions options, SourceLocation where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(std::make_shared<MaxPoolGradDefinition>(std::move(options)),
                       {{"orig_input", &orig_input}, {"orig_output", &orig_output}, {"grad", &grad}}, name,
                       "MaxPoolGrad", where);
}

Tensor avg_pool_grad(const Shape& orig_input_shape, const TensorLike& grad, PoolOptions options,
                     SourceLocation where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(std::make_shared<AvgPoolGradDefinition>(std::move(options), orig_input_shape),
                       {{"grad", &grad}}, name, "AvgPoolGrad", where);
}

}  // namespace varscope
