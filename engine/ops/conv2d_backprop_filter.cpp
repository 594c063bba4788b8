// SPDX-License-Identifier: Apache-2.0
// Conv2DBackpropFilter: the gradient of a convolution with regard to its filter.
// Inputs: input, out_backprop; where the sizes are not given as numbers the convolution's filter, for its
// shape.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_gradients.hpp"
#include "ops/product_cost.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/tile_workspace.hpp"

#include <varscope/error.hpp>
#include <varscope/nn_gradient_ops.hpp>
#include <varscope/simd/conv2d_backprop_filter.hpp>
#include <varscope/simd/reference/conv2d_backprop.hpp>

#include <string>
#include <utility>
#include <vector>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;
using simd::Conv2DShape;

constexpr int kOutBackprop = 1;

/// float32: what simd/ planned: sums over chunks of the batch, and their sums.
class PlannedBackpropFilter final : public detail::Kernel {
 public:
  PlannedBackpropFilter(const simd::KernelSet& kernels, const simd::Conv2DBackpropFilterPlan& plan)
      : kernels_(kernels),
        plan_(plan),
        description_(std::string(simd::conv2d_algorithm_name(plan.algorithm)) + " " + kernels.name) {}

  int num_stages() const noexcept override { return plan_.sum_tile_count > 0 ? 2 : 1; }

  std::int64_t num_tiles(int stage) const noexcept override {
    return stage == 0 ? plan_.tile_count : plan_.sum_tile_count;
  }

  const char* run_tile(int stage, std::int64_t tile,
                       const KernelArguments& arguments) const noexcept override {
    const auto run = [&](float* workspace) {
      const auto function = stage == 0 ? plan_.run_tile : plan_.run_sum_tile;
      function(plan_,
               {.input = detail::input<float>(arguments, 0),
                .out_backprop = detail::input<float>(arguments, kOutBackprop),
                .filter_backprop = detail::output<float>(arguments, 0),
                .sums = static_cast<float*>(arguments.workspace),
                .workspace = workspace},
               tile);
    };
    return detail::with_tile_workspace(stage == 0 ? plan_.workspace_floats : 0, run);
  }

  std::size_t workspace_bytes() const noexcept override {
    return static_cast<std::size_t>(plan_.sums_floats) * sizeof(float);
  }

  double cost_nanoseconds() const noexcept override {
    // As for the convolution itself.
    return detail::product_nanoseconds(detail::multiply_adds(plan_.shape), kernels_.vector_floats, 0);
  }

  const char* description() const noexcept override { return description_.c_str(); }

 private:
  const simd::KernelSet& kernels_;
  simd::Conv2DBackpropFilterPlan plan_;
  std::string description_;
};

class Conv2DBackpropFilterDefinition final : public detail::OpDefinition {
 public:
  Conv2DBackpropFilterDefinition(Conv2DOptions options, std::optional<Shape> filter_sizes)
      : options_(std::move(options)), filter_sizes_(std::move(filter_sizes)) {}

  std::string_view type() const noexcept override { return "Conv2DBackpropFilter"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& image = inputs[0];
    const TensorSpec& out_backprop = inputs[kOutBackprop];
    detail::require_floating(image, "input");
    detail::require_same_dtype(image, "input", out_backprop, "out_backprop");
    const Shape out = detail::with_rank(out_backprop, "out_backprop", 4, "[batch, height, width, channels]");
    const TensorSpec filter = {image.dtype, filter_sizes_ ? *filter_sizes_ : inputs[kOutBackprop + 1].shape};
    if (filter_sizes_ && !filter_sizes_->fully_known()) {
      throw ValueError("'filter_sizes' is " + filter_sizes_->to_string() + ", but all of it must be known");
    }
    const Shape expected = detail::conv2d_output_shape(image, filter, options_);
    if (!expected.compatible_with(out)) {
      throw ValueError("'out_backprop' is " + detail::to_string(out_backprop) + ", but the convolution of " +
                       detail::to_string(image) + " with the filter " + detail::to_string(filter) +
                       " gives " + expected.to_string());
    }
    return {filter};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& out = inputs[kOutBackprop].shape;
    const Conv2DShape shape = detail::conv2d_kernel_shape(inputs[0].shape, outputs[0].shape, out, options_);
    if (inputs[0].dtype == DType::float64) return make_plain<double>(shape);
    if (out.num_elements() == 0) return make_plain<float>(shape);
    const simd::KernelSet& kernels = detail::kernel_set();
    const simd::Conv2DBackpropFilterPlan plan =
        simd::plan_conv2d_backprop_filter(kernels, shape, detail::conv2d_algorithm_of(options_),
                                          detail::cache_sizes(), detail::conv2d_accuracy_of(options_));
    if (plan.refusal != nullptr) {
      throw UnimplementedError("the algorithm '" + options_.algorithm + "' does not apply to input " +
                               detail::to_string(inputs[0]) + " and out_backprop " +
                               detail::to_string(inputs[kOutBackprop]) + ": " + plan.refusal +
                               "; leave .algorithm empty to let the plan choose");
    }
    return std::make_unique<PlannedBackpropFilter>(kernels, plan);
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    Conv2DOptions automatic = options_;
    automatic.algorithm.clear();
    std::vector<Tensor> gradients;
    gradients.push_back(detail::conv2d_input_gradient(inputs[0], output_gradients[0], inputs[kOutBackprop],
                                                      options_, operation.where()));
    gradients.push_back(conv2d(inputs[0], output_gradients[0], std::move(automatic), operation.where()));
    if (!filter_sizes_) gradients.emplace_back();  // nothing flows to a shape
    return gradients;
  }

  std::optional<detail::ShapedOperation> with_known_shapes(
      std::span<const TensorSpec> inputs) const override {
    if (filter_sizes_) return std::nullopt;
    return detail::ShapedOperation{
        std::make_shared<Conv2DBackpropFilterDefinition>(options_, inputs[kOutBackprop + 1].shape), 2};
  }

  std::shared_ptr<const detail::OpDefinition> with_strict_accuracy() const override {
    if (options_.accuracy == Accuracy::strict) return nullptr;
    Conv2DOptions strict = options_;
    strict.accuracy = Accuracy::strict;
    return std::make_shared<Conv2DBackpropFilterDefinition>(std::move(strict), filter_sizes_);
  }

 private:
  template <typename T>
  std::unique_ptr<detail::Kernel> make_plain(const Conv2DShape& shape) const {
    const std::int64_t rows = shape.filter_height * shape.filter_width * (shape.in_channels / shape.groups);
    return detail::make_range_kernel(
        {.items = rows,
         .items_per_tile = 1,
         .nanoseconds_per_item = 2 * detail::multiply_adds(shape) / static_cast<double>(rows),
         .description = "plain"},
        [shape](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
          simd::reference::conv2d_backprop_filter_rows(shape, detail::input<T>(arguments, 0),
                                                       detail::input<T>(arguments, kOutBackprop),
                                                       detail::output<T>(arguments, 0), first, last);
          return static_cast<const char*>(nullptr);
        });
  }

  Conv2DOptions options_;
  std::optional<Shape> filter_sizes_;
};

}  // namespace

namespace detail {

Tensor conv2d_filter_gradient(const Tensor& image, const Tensor& filter, const Tensor& gradient,
                              const Conv2DOptions& options, const SourceLocation& where) {
  Conv2DOptions automatic = options;
  automatic.algorithm.clear();
  automatic.name.clear();
  const Shape& window = filter.shape();
  if (window.fully_known())
    return conv2d_backprop_filter(image, window, gradient, std::move(automatic), where);
  const TensorLike input(image, where);
  const TensorLike out_backprop(gradient, where);
  const TensorLike like(filter, where);
  return build(std::make_shared<Conv2DBackpropFilterDefinition>(std::move(automatic), std::nullopt),
               {{"input", &input}, {"out_backprop", &out_backprop}, {"filter", &like}}, {},
               "Conv2DBackpropFilter", where);
}

}  // namespace detail

Tensor conv2d_backprop_filter(const TensorLike& input, const Shape& filter_sizes,
                              const TensorLike& out_backprop, Conv2DOptions options, SourceLocation where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(std::make_shared<Conv2DBackpropFilterDefinition>(std::move(options), filter_sizes),
                       {{"input", &input}, {"out_backprop", &out_backprop}}, name, "Conv2DBackpropFilter",
                       where);
}

}  // namespace varscope
