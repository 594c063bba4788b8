// SPDX-License-Identifier: Apache-2.0
// Conv2DBackpropInput: the gradient of a convolution with regard to its input.
// Inputs: filter, out_backprop; where the sizes are not given as numbers the convolution's image, for its
// shape.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/conv2d_gradients.hpp"
#include "ops/layout_key.hpp"
#include "ops/product_cost.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/tile_workspace.hpp"

#include <varscope/error.hpp>
#include <varscope/nn_gradient_ops.hpp>
#include <varscope/simd/conv2d_backprop_input.hpp>
#include <varscope/simd/reference/conv2d_backprop.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;
using simd::Conv2DBackpropInputPhase;
using simd::Conv2DShape;

constexpr int kWeights = 0;  // out_backprop is the next input

/// float32: a planned convolution for each phase. Of a single one the result is the image's gradient itself;
/// of several, a second stage sets their pixels together.
class PlannedBackpropInput final : public detail::Kernel {
 public:
  struct Phase {
    Conv2DBackpropInputPhase geometry;
    simd::Conv2DPlan plan;           // meaningful unless the phase is zero
    std::int64_t first_tile = 0;     // of all phases' tiles
    std::int64_t packed_offset = 0;  // floats
    std::int64_t result_offset = 0;  // floats of the workspace
  };

  /// Phases row by row; `forward` has min(stride, extent) of them along each side.
  PlannedBackpropInput(const simd::KernelSet& kernels, const Conv2DShape& forward, std::vector<Phase> phases)
      : kernels_(kernels), forward_(forward), phases_(std::move(phases)) {
    for (Phase& phase : phases_) {
      phase.first_tile = tiles_;
      phase.packed_offset = packed_floats_;
      phase.result_offset = result_floats_;
      if (phase.geometry.zero()) continue;
      const Conv2DShape& shape = phase.geometry.shape;
      tiles_ += phase.plan.tile_count;
      packed_floats_ += phase.plan.packed_filter_floats;
      turned_floats_ = std::max(turned_floats_, shape.filter_height * shape.filter_width * shape.in_channels /
                                                    shape.groups * shape.out_channels);
      result_floats_ += shape.batch * shape.out_height * shape.out_width * shape.out_channels;
    }
    const bool any = tiles_ > 0;
    description_ =
        std::string(any ? simd::conv2d_algorithm_name(widest().plan.algorithm) : "zero") + " " + kernels.name;
  }

  int num_stages() const noexcept override { return single() ? 1 : 2; }

  std::int64_t num_tiles(int stage) const noexcept override {
    return stage == 0 ? tiles_ : (image_rows() + rows_per_tile() - 1) / rows_per_tile();
  }

  const char* run_tile(int stage, std::int64_t tile,
                       const KernelArguments& arguments) const noexcept override {
    if (stage == 0) return run_phase_tile(tile, arguments);
    const std::int64_t first = tile * rows_per_tile();
    const std::int64_t last = std::min(first + rows_per_tile(), image_rows());
    for (std::int64_t row = first; row < last; ++row) join_row(row, arguments);
    return nullptr;
  }

  std::size_t workspace_bytes() const noexcept override {
    return single() ? 0 : static_cast<std::size_t>(result_floats_) * sizeof(float);
  }

  double cost_nanoseconds() const noexcept override {
    // As for the convolution itself.
    return detail::product_nanoseconds(detail::multiply_adds(forward_), kernels_.vector_floats, 0) +
           static_cast<double>(single() ? 0 : image_rows() * row_floats()) / 16;
  }

  std::optional<detail::PackedInput> packed_input() const noexcept override {
    constexpr std::int64_t kThisOperation = 0x62707269;  // no layout of a forward convolution
    const Conv2DShape& forward = forward_;
    std::uint64_t layout = detail::layout_key(
        {kThisOperation, kernels_.vector_floats, forward.stride_height, forward.stride_width,
         forward.dilation_height, forward.dilation_width, forward.filter_height, forward.filter_width,
         forward.pad_top, forward.pad_left, forward.in_channels, forward.out_channels, forward.groups});
    for (const Phase& phase : phases_) {
      const simd::Conv2DPlan& plan = phase.plan;
      layout = detail::layout_key(
          {static_cast<std::int64_t>(layout), static_cast<std::int64_t>(plan.algorithm),
           plan.packed_filter_floats, plan.winograd.patch_width, plan.winograd.taps_height,
           plan.winograd.taps_width, plan.blocking.channels_per_block, plan.blocking.blocks_per_group,
           plan.blocking.channels_per_chunk, plan.product.columns_per_block, plan.product.depth_per_chunk});
    }
    // The turned filter of one phase after the other lies behind what is packed.
    return detail::PackedInput{
        .input = kWeights,
        .bytes = static_cast<std::size_t>(packed_floats_ + turned_floats_) * sizeof(float),
        .layout = layout};
  }

  void pack(const void* filter, void* packed) const noexcept override {
    float* const turned = static_cast<float*>(packed) + packed_floats_;
    for (const Phase& phase : phases_) {
      if (phase.geometry.zero()) continue;
      simd::turn_filter(forward_, phase.geometry, static_cast<const float*>(filter), turned);
      for (std::int64_t tile = 0; tile < phase.plan.pack_tile_count; ++tile) {
        phase.plan.pack_filter_tile(phase.plan, turned, static_cast<float*>(packed) + phase.packed_offset,
                                    tile);
      }
    }
  }

  const char* description() const noexcept override { return description_.c_str(); }

 private:
  bool single() const noexcept { return phases_.size() == 1 && !phases_.front().geometry.zero(); }

  /// The phase with most products, which says most of how this runs.
  const Phase& widest() const noexcept {
    return *std::max_element(phases_.begin(), phases_.end(), [](const Phase& a, const Phase& b) {
      return a.plan.packed_filter_floats < b.plan.packed_filter_floats;
    });
  }

  std::int64_t row_floats() const noexcept { return forward_.in_width * forward_.in_channels; }
  std::int64_t image_rows() const noexcept { return forward_.batch * forward_.in_height; }
  std::int64_t rows_per_tile() const noexcept { return detail::items_per_tile(row_floats()); }

  const char* run_phase_tile(std::int64_t tile, const KernelArguments& arguments) const noexcept {
    const auto after =
        std::upper_bound(phases_.begin(), phases_.end(), tile,
                         [](std::int64_t wanted, const Phase& phase) { return wanted < phase.first_tile; });
    const Phase& phase = *(after - 1);
    float* const result = single() ? detail::output<float>(arguments, 0)
                                   : static_cast<float*>(arguments.workspace) + phase.result_offset;
    const auto run = [&](float* workspace) {
      phase.plan.run_tile(phase.plan,
                          {.input = detail::input<float>(arguments, kWeights + 1),
                           .packed_filter = static_cast<const float*>(arguments.packed) + phase.packed_offset,
                           .output = result,
                           .epilogue = {},
                           .workspace = workspace},
                          tile - phase.first_tile);
    };
    return detail::with_tile_workspace(phase.plan.workspace_floats, run);
  }

  /// Row `row` of the batch, pixel by pixel from the phases' images.
  void join_row(std::int64_t row, const KernelArguments& arguments) const noexcept {
    const std::int64_t channels = forward_.in_channels;
    const std::int64_t phase_columns = std::min(forward_.stride_width, forward_.in_width);
    const std::int64_t y = row % forward_.in_height;
    const std::int64_t phase_row = y % forward_.stride_height;
    float* const dst = detail::output<float>(arguments, 0) + row * row_floats();
    for (std::int64_t first = 0; first < phase_columns; ++first) {
      const Phase& phase = phases_[static_cast<std::size_t>(phase_row * phase_columns + first)];
      const Conv2DBackpropInputPhase& geometry = phase.geometry;
      const float* src = nullptr;
      if (!geometry.zero()) {
        const std::int64_t phase_image_row =
            row / forward_.in_height * geometry.rows + y / forward_.stride_height;
        src = static_cast<const float*>(arguments.workspace) + phase.result_offset +
              phase_image_row * geometry.columns * channels;
      }
      for (std::int64_t x = 0; x < geometry.columns; ++x) {
        float* const pixel = dst + (first + x * forward_.stride_width) * channels;
        const auto bytes = static_cast<std::size_t>(channels) * sizeof(float);
        if (src == nullptr) {
          std::memset(pixel, 0, bytes);
        } else {
          std::memcpy(pixel, src + x * channels, bytes);
        }
      }
    }
  }

  const simd::KernelSet& kernels_;
  Conv2DShape forward_;
  std::vector<Phase> phases_;
  std::int64_t tiles_ = 0;
  std::int64_t packed_floats_ = 0;
  std::int64_t turned_floats_ = 0;
  std::int64_t result_floats_ = 0;
  std::string description_;
};

class Conv2DBackpropInputDefinition final : public detail::OpDefinition {
 public:
  Conv2DBackpropInputDefinition(Conv2DOptions options, std::optional<Shape> input_sizes)
      : options_(std::move(options)), input_sizes_(std::move(input_sizes)) {}

  std::string_view type() const noexcept override { return "Conv2DBackpropInput"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& filter = inputs[kWeights];
    const TensorSpec& out_backprop = inputs[kWeights + 1];
    detail::require_floating(filter, "filter");
    detail::require_same_dtype(filter, "filter", out_backprop, "out_backprop");
    const Shape out = detail::with_rank(out_backprop, "out_backprop", 4, "[batch, height, width, channels]");
    Shape in = input_sizes_ ? *input_sizes_ : inputs[kWeights + 2].shape;
    if (!in.has_rank()) in = detail::unknown_of_rank(4);
    if (in.rank() == 4 && in[0] == unknown_dimension) in = {out[0], in[1], in[2], in[3]};
    const TensorSpec image = {filter.dtype, in};
    const Shape expected = detail::conv2d_output_shape(image, filter, options_);
    if (!expected.compatible_with(out)) {
      throw ValueError("'out_backprop' is " + detail::to_string(out_backprop) + ", but the convolution of " +
                       detail::to_string(image) + " with the filter " + detail::to_string(filter) +
                       " gives " + expected.to_string());
    }
    return {image};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& in = outputs[0].shape;
    const Shape& filter = inputs[kWeights].shape;
    const Conv2DShape forward = detail::conv2d_kernel_shape(in, filter, inputs[kWeights + 1].shape, options_);
    const bool empty = in.num_elements() == 0;
    if (outputs[0].dtype == DType::float64 || empty) return make_plain<double>(forward, empty);
    const simd::KernelSet& kernels = detail::kernel_set();
    std::vector<PlannedBackpropInput::Phase> phases;
    for (std::int64_t row = 0; row < std::min(forward.stride_height, forward.in_height); ++row) {
      for (std::int64_t column = 0; column < std::min(forward.stride_width, forward.in_width); ++column) {
        PlannedBackpropInput::Phase phase;
        phase.geometry = simd::conv2d_backprop_input_phase(forward, row, column);
        if (!phase.geometry.zero()) phase.plan = plan(kernels, phase.geometry.shape, inputs);
        phases.push_back(phase);
      }
    }
    return std::make_unique<PlannedBackpropInput>(kernels, forward, std::move(phases));
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    const Tensor& filter = inputs[kWeights];
    const Tensor& out_backprop = inputs[kWeights + 1];
    Conv2DOptions automatic = options_;
    automatic.algorithm.clear();
    std::vector<Tensor> gradients;
    gradients.push_back(detail::conv2d_filter_gradient(output_gradients[0], filter, out_backprop, options_,
                                                       operation.where()));
    gradients.push_back(conv2d(output_gradients[0], filter, std::move(automatic), operation.where()));
    if (!input_sizes_) gradients.emplace_back();  // nothing flows to a shape
    return gradients;
  }

  std::optional<detail::ShapedOperation> with_known_shapes(
      std::span<const TensorSpec> inputs) const override {
    if (input_sizes_) return std::nullopt;
    return detail::ShapedOperation{
        std::make_shared<Conv2DBackpropInputDefinition>(options_, inputs[kWeights + 2].shape), 2};
  }

  std::shared_ptr<const detail::OpDefinition> with_strict_accuracy() const override {
    if (options_.accuracy == Accuracy::strict) return nullptr;
    Conv2DOptions strict = options_;
    strict.accuracy = Accuracy::strict;
    return std::make_shared<Conv2DBackpropInputDefinition>(std::move(strict), input_sizes_);
  }

 private:
  simd::Conv2DPlan plan(const simd::KernelSet& kernels, const Conv2DShape& shape,
                        std::span<const TensorSpec> inputs) const {
    const simd::Conv2DPlan plan =
        simd::plan_conv2d(kernels, shape, detail::conv2d_algorithm_of(options_), detail::cache_sizes(),
                          detail::conv2d_accuracy_of(options_));
    if (plan.refusal != nullptr) {
      throw UnimplementedError("the algorithm '" + options_.algorithm + "' does not apply to filter " +
                               detail::to_string(inputs[kWeights]) + " and out_backprop " +
                               detail::to_string(inputs[kWeights + 1]) + ": " + plan.refusal +
                               "; leave .algorithm empty to let the plan choose");
    }
    return plan;
  }

  template <typename T>
  std::unique_ptr<detail::Kernel> make_plain(const Conv2DShape& shape, bool empty) const {
    const std::int64_t rows = empty ? 0 : shape.batch * shape.in_height;
    return detail::make_range_kernel(
        {.items = rows,
         .items_per_tile = 1,
         .nanoseconds_per_item = rows == 0 ? 0 : detail::multiply_adds(shape) / static_cast<double>(rows),
         .description = "plain"},
        [shape](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
          simd::reference::conv2d_backprop_input_rows(shape, detail::input<T>(arguments, kWeights),
                                                      detail::input<T>(arguments, kWeights + 1),
                                                      detail::output<T>(arguments, 0), first, last);
          return static_cast<const char*>(nullptr);
        });
  }

  Conv2DOptions options_;
  std::optional<Shape> input_sizes_;
};

}  // namespace

namespace detail {

Tensor conv2d_input_gradient(const Tensor& image, const Tensor& filter, const Tensor& gradient,
                             const Conv2DOptions& options, const SourceLocation& where) {
  Conv2DOptions automatic = options;
  automatic.algorithm.clear();
  automatic.name.clear();
  const Shape& in = image.shape();
  const bool known =
      in.has_rank() && in[1] != unknown_dimension && in[2] != unknown_dimension && in[3] != unknown_dimension;
  if (known) return conv2d_backprop_input(in, filter, gradient, std::move(automatic), where);
  const TensorLike like(image, where);
  const TensorLike of_filter(filter, where);
  const TensorLike out_backprop(gradient, where);
  return build(std::make_shared<Conv2DBackpropInputDefinition>(std::move(automatic), std::nullopt),
               {{"filter", &of_filter}, {"out_backprop", &out_backprop}, {"input", &like}}, {},
               "Conv2DBackpropInput", where);
}

}  // namespace detail

Tensor conv2d_backprop_input(const Shape& input_sizes, const TensorLike& filter,
                             const TensorLike& out_backprop, Conv2DOptions options, SourceLocation where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(std::make_shared<Conv2DBackpropInputDefinition>(std::move(options), input_sizes),
                       {{"filter", &filter}, {"out_backprop", &out_backprop}}, name, "Conv2DBackpropInput",
                       where);
}

}  // namespace varscope
