// SPDX-License-Identifier: Apache-2.0
// Conv2D, and the forms of it that fusion makes: with a bias, a residual and an activation.
// Inputs: image, filter, then bias and residual as the epilogue has them.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_gradients.hpp"
#include "ops/element_type.hpp"
#include "ops/fused_activation.hpp"
#include "ops/layout_key.hpp"
#include "ops/product_cost.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/tile_workspace.hpp"

#include <varscope/error.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/simd/reference/conv2d.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace varscope {

namespace {

using detail::FusedEpilogue;
using detail::KernelArguments;
using detail::TensorSpec;
using simd::Conv2DShape;

constexpr int kFilter = 1;

template <typename T>
const T* conv2d_bias(const FusedEpilogue& epilogue, const KernelArguments& arguments) noexcept {
  return epilogue.bias ? detail::input<T>(arguments, kFilter + 1) : nullptr;
}

template <typename T>
const T* conv2d_residual(const FusedEpilogue& epilogue, const KernelArguments& arguments) noexcept {
  return epilogue.residual ? detail::input<T>(arguments, kFilter + 1 + (epilogue.bias ? 1 : 0)) : nullptr;
}

/// float32: what simd/ planned.
class PlannedConv2D final : public detail::Kernel {
 public:
  PlannedConv2D(const simd::KernelSet& kernels, const simd::Conv2DPlan& plan, const FusedEpilogue& epilogue)
      : kernels_(kernels),
        plan_(plan),
        epilogue_(epilogue),
        description_(std::string(simd::conv2d_algorithm_name(plan.algorithm)) + " " + kernels.name) {}

  std::int64_t num_tiles(int) const noexcept override { return plan_.tile_count; }

  const char* run_tile(int, std::int64_t tile, const KernelArguments& arguments) const noexcept override {
    const auto run = [&](float* workspace) {
      plan_.run_tile(plan_,
                     {.input = detail::input<float>(arguments, 0),
                      .packed_filter = static_cast<const float*>(arguments.packed),
                      .output = detail::output<float>(arguments, 0),
                      .epilogue = {.bias = conv2d_bias<float>(epilogue_, arguments),
                                   .residual = conv2d_residual<float>(epilogue_, arguments),
                                   .activation = detail::simd_activation(epilogue_)},
                      .workspace = workspace},
                     tile);
    };
    return detail::with_tile_workspace(plan_.workspace_floats, run);
  }

  double cost_nanoseconds() const noexcept override {
    const Conv2DShape& shape = plan_.shape;
    const auto floats = static_cast<double>(
        shape.batch * shape.in_height * shape.in_width * shape.in_channels +
        shape.batch * shape.out_height * shape.out_width * shape.out_channels + plan_.packed_filter_floats);
    return detail::product_nanoseconds(detail::multiply_adds(shape), kernels_.vector_floats, floats);
  }

  std::optional<detail::PackedInput> packed_input() const noexcept override {
    const Conv2DShape& shape = plan_.shape;
    const simd::Conv2DBlocking& blocking = plan_.blocking;
    return detail::PackedInput{
        .input = kFilter,
        .bytes = static_cast<std::size_t>(plan_.packed_filter_floats) * sizeof(float),
        .layout = detail::layout_key(
            {static_cast<std::int64_t>(plan_.algorithm), kernels_.vector_floats, shape.filter_height,
             shape.filter_width, shape.in_channels, shape.out_channels, shape.groups,
             plan_.winograd.patch_width, plan_.winograd.products, plan_.winograd.taps_height,
             plan_.winograd.taps_width, plan_.winograd_row.products, blocking.channels_per_block,
             blocking.blocks_per_group, blocking.channels_per_chunk, plan_.product.columns_per_block,
             plan_.product.depth_per_chunk})};
  }

  void pack(const void* filter, void* packed) const noexcept override {
    for (std::int64_t tile = 0; tile < plan_.pack_tile_count; ++tile) {
      plan_.pack_filter_tile(plan_, static_cast<const float*>(filter), static_cast<float*>(packed), tile);
    }
  }

  const char* description() const noexcept override { return description_.c_str(); }

 private:
  const simd::KernelSet& kernels_;
  simd::Conv2DPlan plan_;
  FusedEpilogue epilogue_;
  std::string description_;
};

/// A plan and the set that it is for: another thread may choose another set at any time.
struct PlanOfSet {
  const simd::KernelSet* kernels = nullptr;
  simd::Conv2DPlan plan;
};

class Conv2DDefinition final : public detail::OpDefinition {
 public:
  explicit Conv2DDefinition(Conv2DOptions options, const FusedEpilogue& epilogue = {},
                            std::optional<PlanOfSet> pooling = std::nullopt)
      : options_(std::move(options)), epilogue_(epilogue), pooling_(std::move(pooling)) {}

  std::string_view type() const noexcept override { return "Conv2D"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& image = inputs[0];
    const TensorSpec& filter = inputs[kFilter];
    detail::require_dtype(image, "input", {DType::float32, DType::float64, DType::int32});
    detail::require_same_dtype(image, "input", filter, "filter");
    const Shape out = detail::conv2d_output_shape(image, filter, options_);
    if (!pooling_) return {{image.dtype, out}};
    return {{image.dtype, {out[0], out[1] / 2, out[2] / 2, out[3]}}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const bool empty = outputs[0].shape.num_elements() == 0;
    if (inputs[0].dtype == DType::int32) return make_plain<std::int32_t>(kernel_shape(inputs), empty);
    if (inputs[0].dtype == DType::float64 || empty) return make_plain<double>(kernel_shape(inputs), empty);
    const PlanOfSet planned = pooling_ ? *pooling_ : plan_for(inputs);
    if (planned.plan.refusal != nullptr) {
      throw UnimplementedError("the algorithm '" + options_.algorithm + "' does not apply to input " +
                               detail::to_string(inputs[0]) + " and filter " +
                               detail::to_string(inputs[kFilter]) + ": " + planned.plan.refusal +
                               "; leave .algorithm empty to let the plan choose");
    }
    return std::make_unique<PlannedConv2D>(*planned.kernels, planned.plan, epilogue_);
  }

  std::shared_ptr<const detail::OpDefinition> with_epilogue(const FusedEpilogue& epilogue) const override {
    const bool fused_already =
        epilogue_.bias || epilogue_.residual || epilogue_.activation != detail::FusedActivation::none;
    return fused_already ? nullptr : std::make_shared<Conv2DDefinition>(options_, epilogue);
  }

  std::shared_ptr<const detail::OpDefinition> with_max_pool(
      std::span<const TensorSpec> inputs) const override {
    if (epilogue_.residual || kernel_shape(inputs).batch == 0) return nullptr;
    PlanOfSet pooling = plan_for(inputs);
    if (pooling.plan.refusal != nullptr || !simd::fuse_max_pool(&pooling.plan)) return nullptr;
    return std::make_shared<Conv2DDefinition>(options_, epilogue_, std::move(pooling));
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    if (inputs[0].dtype() == DType::int32) return std::nullopt;
    return std::vector{detail::conv2d_input_gradient(inputs[0], inputs[kFilter], output_gradients[0],
                                                     options_, operation.where()),
                       detail::conv2d_filter_gradient(inputs[0], inputs[kFilter], output_gradients[0],
                                                      options_, operation.where())};
  }

  std::shared_ptr<const detail::OpDefinition> with_strict_accuracy() const override {
    if (options_.accuracy == Accuracy::strict) return nullptr;
    Conv2DOptions strict = options_;
    strict.accuracy = Accuracy::strict;
    return std::make_shared<Conv2DDefinition>(std::move(strict), epilogue_);
  }

 private:
  /// Of the convolution before the pooling.
  Conv2DShape kernel_shape(std::span<const TensorSpec> inputs) const {
    return detail::conv2d_kernel_shape(inputs[0].shape, inputs[kFilter].shape,
                                       detail::conv2d_output_shape(inputs[0], inputs[kFilter], options_),
                                       options_);
  }

  PlanOfSet plan_for(std::span<const TensorSpec> inputs) const {
    const simd::KernelSet& kernels = detail::kernel_set();
    return {&kernels, simd::plan_conv2d(kernels, kernel_shape(inputs), detail::conv2d_algorithm_of(options_),
                                        detail::cache_sizes(), detail::conv2d_accuracy_of(options_))};
  }

  template <typename T>
  std::unique_ptr<detail::Kernel> make_plain(const Conv2DShape& shape, bool empty) const {
    const std::int64_t rows = empty ? 0 : shape.batch * shape.out_height;
    return detail::make_range_kernel(
        {.items = rows,
         .items_per_tile = 1,
         .nanoseconds_per_item = rows == 0 ? 0 : detail::multiply_adds(shape) / static_cast<double>(rows),
         .description = "plain"},
        [shape, epilogue = epilogue_](std::int64_t first, std::int64_t last,
                                      const KernelArguments& arguments) noexcept {
          simd::reference::conv2d_rows(
              shape, detail::input<T>(arguments, 0), detail::input<T>(arguments, kFilter),
              conv2d_bias<T>(epilogue, arguments), conv2d_residual<T>(epilogue, arguments),
              detail::simd_activation(epilogue), detail::output<T>(arguments, 0), first, last);
          return static_cast<const char*>(nullptr);
        });
  }

  Conv2DOptions options_;
  FusedEpilogue epilogue_;
  std::optional<PlanOfSet> pooling_;  // with the pooling that follows
};

}  // namespace

std::vector<std::string> conv2d_algorithms() {
  std::vector<std::string> names;
  for (unsigned char index = 0;; ++index) {
    const std::string name = simd::conv2d_algorithm_name(static_cast<simd::Conv2DAlgorithm>(index));
    if (name == "unknown") return names;
    names.push_back(name);
  }
}

Tensor conv2d(const TensorLike& input, const TensorLike& filter, Conv2DOptions options,
              SourceLocation where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(std::make_shared<Conv2DDefinition>(std::move(options)),
                       {{"input", &input}, {"filter", &filter}}, name, "Conv2D", where);
}

}  // namespace varscope
