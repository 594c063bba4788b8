// SPDX-License-Identifier: Apache-2.0
// Conv2D, and the forms of it that fusion makes: with a bias, a residual and an activation.
// Inputs: image, filter, then bias and residual as the epilogue has them.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/layout_key.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/tile_workspace.hpp"
#include "ops/window.hpp"

#include <varscope/error.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/simd/reference/conv2d.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace varscope {

namespace {

using detail::FusedEpilogue;
using detail::KernelArguments;
using detail::TensorSpec;
using simd::Conv2DShape;

constexpr int kFilter = 1;

simd::Activation activation_of(const FusedEpilogue& epilogue) noexcept {
  return epilogue.activation == detail::FusedActivation::relu ? simd::Activation::relu
                                                              : simd::Activation::none;
}

template <typename T>
const T* bias_of(const FusedEpilogue& epilogue, const KernelArguments& arguments) noexcept {
  return epilogue.bias ? detail::input<T>(arguments, kFilter + 1) : nullptr;
}

template <typename T>
const T* residual_of(const FusedEpilogue& epilogue, const KernelArguments& arguments) noexcept {
  return epilogue.residual ? detail::input<T>(arguments, kFilter + 1 + (epilogue.bias ? 1 : 0)) : nullptr;
}

double multiply_adds(const Conv2DShape& shape) noexcept {
  return static_cast<double>(shape.batch * shape.out_height * shape.out_width) *
         static_cast<double>(shape.out_channels * shape.filter_height * shape.filter_width) *
         static_cast<double>(shape.in_channels / shape.groups);
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
                      .epilogue = {.bias = bias_of<float>(epilogue_, arguments),
                                   .residual = residual_of<float>(epilogue_, arguments),
                                   .activation = activation_of(epilogue_)},
                      .workspace = workspace},
                     tile);
    };
    return detail::with_tile_workspace(plan_.workspace_floats, run);
  }

  double cost_nanoseconds() const noexcept override {
    // A core does about two multiply-adds of a register in each of its two or three cycles a nanosecond, and
    // moves some 64 bytes from and to its third-level cache, which is what depthwise layers wait for.
    constexpr double kBytesANanosecond = 64;
    const Conv2DShape& shape = plan_.shape;
    const auto images =
        static_cast<double>(shape.batch * shape.in_height * shape.in_width * shape.in_channels +
                            shape.batch * shape.out_height * shape.out_width * shape.out_channels);
    return std::max(multiply_adds(shape) / (4 * static_cast<double>(kernels_.vector_floats)),
                    images * sizeof(float) / kBytesANanosecond);
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
             plan_.winograd.outputs_per_patch, blocking.channels_per_block, blocking.blocks_per_group,
             blocking.channels_per_chunk, plan_.product.columns_per_block, plan_.product.depth_per_chunk})};
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

class Conv2DDefinition final : public detail::OpDefinition {
 public:
  explicit Conv2DDefinition(Conv2DOptions options, const FusedEpilogue& epilogue = {})
      : options_(std::move(options)), epilogue_(epilogue) {}

  std::string_view type() const noexcept override { return "Conv2D"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& image = inputs[0];
    const TensorSpec& filter = inputs[kFilter];
    detail::require_dtype(image, "input", {DType::float32, DType::float64, DType::int32});
    detail::require_same_dtype(image, "input", filter, "filter");
    detail::require_spatial(options_.strides, "strides");
    detail::require_spatial(options_.dilations, "dilations");
    require_algorithm();
    const Shape in = detail::with_rank(image, "input", 4, "[batch, height, width, channels]");
    const Shape window = detail::with_rank(filter, "filter", 4,
                                           "[height, width, channels of the input / groups, out channels]");
    require_channels(image, in, filter, window);
    const detail::WindowPositions rows = positions(in, window, 0);
    const detail::WindowPositions columns = positions(in, window, 1);
    return {{image.dtype, Shape{in[0], rows.out, columns.out, window[3]}}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Conv2DShape shape = kernel_shape(inputs[0].shape, inputs[kFilter].shape, outputs[0].shape);
    const bool empty = outputs[0].shape.num_elements() == 0;
    if (inputs[0].dtype == DType::int32) return make_plain<std::int32_t>(shape, empty);
    if (inputs[0].dtype == DType::float64 || empty) return make_plain<double>(shape, empty);
    const simd::KernelSet& kernels = detail::kernel_set();
    const simd::Conv2DPlan plan =
        simd::plan_conv2d(kernels, shape, algorithm(), detail::cache_sizes(), accuracy());
    if (plan.refusal != nullptr) {
      throw UnimplementedError("the algorithm '" + options_.algorithm + "' does not apply to input " +
                               detail::to_string(inputs[0]) + " and filter " +
                               detail::to_string(inputs[kFilter]) + ": " + plan.refusal +
                               "; leave .algorithm empty to let the plan choose");
    }
    return std::make_unique<PlannedConv2D>(kernels, plan, epilogue_);
  }

  std::shared_ptr<const detail::OpDefinition> with_epilogue(const FusedEpilogue& epilogue) const override {
    const bool fused_already =
        epilogue_.bias || epilogue_.residual || epilogue_.activation != detail::FusedActivation::none;
    return fused_already ? nullptr : std::make_shared<Conv2DDefinition>(options_, epilogue);
  }

  std::shared_ptr<const detail::OpDefinition> with_strict_accuracy() const override {
    if (options_.accuracy == Accuracy::strict) return nullptr;
    Conv2DOptions strict = options_;
    strict.accuracy = Accuracy::strict;
    return std::make_shared<Conv2DDefinition>(std::move(strict), epilogue_);
  }

 private:
  simd::Conv2DAccuracy accuracy() const noexcept {
    return options_.accuracy == Accuracy::strict ? simd::Conv2DAccuracy::strict : simd::Conv2DAccuracy::fast;
  }

  simd::Conv2DAlgorithm algorithm() const noexcept {
    auto found = simd::Conv2DAlgorithm::automatic;
    simd::find_conv2d_algorithm(options_.algorithm, &found);
    return found;
  }

  void require_algorithm() const {
    auto found = simd::Conv2DAlgorithm::automatic;
    if (options_.algorithm.empty() || simd::find_conv2d_algorithm(options_.algorithm, &found)) return;
    std::string list;
    for (const std::string& name : conv2d_algorithms()) list += (list.empty() ? "" : ", ") + name;
    throw ValueError("there is no algorithm '" + options_.algorithm + "'; the known ones are " + list);
  }

  static void require_channels(const TensorSpec& image, const Shape& in, const TensorSpec& filter,
                               const Shape& window) {
    const std::string given =
        "'input' is " + detail::to_string(image) + " and 'filter' is " + detail::to_string(filter);
    for (int axis = 0; axis < 4; ++axis) {
      if (window[axis] == 0) throw ValueError(given + ", but a filter cannot be empty");
    }
    // What is not known yet is checked by the run, which knows all of it.
    if (in[3] == unknown_dimension || window[2] == unknown_dimension) return;
    if (in[3] == 0 || in[3] % window[2] != 0) {
      throw ValueError(given + ": the input's " + std::to_string(in[3]) +
                       " channels are no multiple of the filter's " + std::to_string(window[2]));
    }
    const std::int64_t groups = in[3] / window[2];
    if (window[3] != unknown_dimension && window[3] % groups != 0) {
      throw ValueError(given + ": that makes " + std::to_string(groups) + " groups, but the " +
                       std::to_string(window[3]) + " out channels are no multiple of that");
    }
  }

  detail::WindowPositions positions(const Shape& in, const Shape& window, int dimension) const {
    const auto option = static_cast<std::size_t>(dimension + 1);
    return detail::window_positions(in[dimension + 1], window[dimension], options_.strides[option],
                                    options_.dilations[option], options_.padding,
                                    dimension == 0 ? "height" : "width");
  }

  Conv2DShape kernel_shape(const Shape& in, const Shape& window, const Shape& out) const {
    return {.batch = in[0],
            .in_height = in[1],
            .in_width = in[2],
            .in_channels = in[3],
            .out_height = out[1],
            .out_width = out[2],
            .out_channels = out[3],
            .filter_height = window[0],
            .filter_width = window[1],
            .stride_height = options_.strides[1],
            .stride_width = options_.strides[2],
            .dilation_height = options_.dilations[1],
            .dilation_width = options_.dilations[2],
            .pad_top = positions(in, window, 0).pad_before,
            .pad_left = positions(in, window, 1).pad_before,
            .groups = in[3] / window[2]};
  }

  template <typename T>
  std::unique_ptr<detail::Kernel> make_plain(const Conv2DShape& shape, bool empty) const {
    const std::int64_t rows = empty ? 0 : shape.batch * shape.out_height;
    return detail::make_range_kernel(
        {.items = rows,
         .items_per_tile = 1,
         .nanoseconds_per_item = rows == 0 ? 0 : multiply_adds(shape) / static_cast<double>(rows),
         .description = "plain"},
        [shape, epilogue = epilogue_](std::int64_t first, std::int64_t last,
                                      const KernelArguments& arguments) noexcept {
          simd::reference::conv2d_rows(shape, detail::input<T>(arguments, 0),
                                       detail::input<T>(arguments, kFilter), bias_of<T>(epilogue, arguments),
                                       residual_of<T>(epilogue, arguments), activation_of(epilogue),
                                       detail::output<T>(arguments, 0), first, last);
          return static_cast<const char*>(nullptr);
        });
  }

  Conv2DOptions options_;
  FusedEpilogue epilogue_;
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
  const std::string name = std::move(options.name);
  return detail::build(std::make_shared<Conv2DDefinition>(std::move(options)),
                       {{"input", &input}, {"filter", &filter}}, name, "Conv2D", where);
}

}  // namespace varscope
