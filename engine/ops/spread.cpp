// SPDX-License-Identifier: Apache-2.0
#include "ops/spread.hpp"

#include "ops/broadcast.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/shaped_like.hpp"
#include "ops/sum_to_shape.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>

#include <algorithm>
#include <string>

namespace varscope::detail {

namespace {

/// `input` with extent 1 in the reduced dimensions. Requires: a known rank.
Shape with_reduced_ones(const TensorSpec& input, const Axes& axes) {
  std::vector<std::int64_t> dimensions = input.shape.dimensions();
  if (axes.all()) std::fill(dimensions.begin(), dimensions.end(), 1);
  for (const int axis : axes.list()) {
    dimensions[static_cast<std::size_t>(axis_from_start(axis, input.shape.rank(), input, "input"))] = 1;
  }
  return Shape(std::move(dimensions));
}

/// Result: the values of x over the walk, divided by `divisor`.
template <typename T>
std::unique_ptr<Kernel> make_repeat(const BroadcastWalk& walk, std::int64_t elements, std::int64_t divisor) {
  return make_range_kernel(
      {.items = elements, .items_per_tile = kElementsPerTile, .nanoseconds_per_item = 0.4},
      [walk, divisor = static_cast<T>(divisor)](std::int64_t first, std::int64_t last,
                                                const KernelArguments& arguments) noexcept {
        const T* x = input<T>(arguments, 0);
        T* result = output<T>(arguments, 0);
        for_each_run(walk, first, last,
                     [&](std::int64_t at_x, std::int64_t, std::int64_t at, std::int64_t count) {
                       if (walk.inner.x_step == 0) {
                         std::fill_n(result + at, count, x[at_x] / divisor);
                       } else if (divisor == T(1)) {
                         std::copy_n(x + at_x, count, result + at);
                       } else {
                         for (std::int64_t i = 0; i < count; ++i) result[at + i] = x[at_x + i] / divisor;
                       }
                     });
        return static_cast<const char*>(nullptr);
      });
}

enum class Spread { sum, mean };

/// From the shape of a reduction to that of its input.
class SpreadDefinition final : public OpDefinition {
 public:
  SpreadDefinition(Spread spread, Axes axes, bool keepdims, Shape shape)
      : spread_(spread), axes_(std::move(axes)), keepdims_(keepdims), shape_(std::move(shape)) {}

  std::string_view type() const noexcept override { return spread_ == Spread::sum ? "SumGrad" : "MeanGrad"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs[0], "value");
    return {{inputs[0].dtype, shape_}};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec> outputs) const override {
    const Shape from = with_reduced_ones(outputs[0], axes_);
    const std::int64_t elements = shape_.num_elements();
    if (inputs[0].shape.num_elements() == elements) return nullptr;  // nothing is repeated
    const std::int64_t repeated = elements / std::max<std::int64_t>(1, from.num_elements());
    return visit_element_type<float, double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return make_repeat<T>(plan_broadcast(from, shape_), elements, spread_ == Spread::sum ? 1 : repeated);
    });
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const auto reduce = spread_ == Spread::sum ? &reduce_sum : &reduce_mean;
    return std::vector{
        reduce(output_gradients[0], {.axis = axes_, .keepdims = keepdims_}, operation.where())};
  }

 private:
  Spread spread_;
  Axes axes_;
  bool keepdims_;
  Shape shape_;
};

Tensor build_spread(Spread spread, const Tensor& gradient, const Tensor& input, const Axes& axes,
                    bool keepdims, const SourceLocation& where) {
  return build_shaped_like(
      spread == Spread::sum ? "SumGrad" : "MeanGrad",
      [=](std::span<const Shape> shapes) {
        return std::make_shared<SpreadDefinition>(spread, axes, keepdims, shapes[0]);
      },
      gradient, input, {}, where);
}

class BroadcastToDefinition final : public OpDefinition {
 public:
  explicit BroadcastToDefinition(Shape shape) : shape_(std::move(shape)) {}

  std::string_view type() const noexcept override { return "BroadcastTo"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs[0], "value");
    if (inputs[0].shape.fully_known() && shape_.fully_known() &&
        broadcast_shape(inputs[0], {inputs[0].dtype, shape_}) != shape_) {
      throw ValueError("'value' is " + to_string(inputs[0]) + ", which does not broadcast to " +
                       shape_.to_string());
    }
    return {{inputs[0].dtype, shape_}};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec>) const override {
    const std::int64_t elements = shape_.num_elements();
    if (inputs[0].shape.num_elements() == elements) return nullptr;
    return visit_element_type<float, double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return make_repeat<T>(plan_broadcast(inputs[0].shape, shape_), elements, 1);
    });
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return std::vector{
        sum_to_operand(output_gradients[0], operation.inputs()[0], operation.output(0), operation.where())};
  }

 private:
  Shape shape_;
};

/// input == maximum ? share : 0, where the maximum and the share have no reduced dimensions; NaN where the
/// maximum is.
template <typename T>
std::unique_ptr<Kernel> make_to_maxima(const BroadcastWalk& walk, std::int64_t elements) {
  return make_range_kernel(
      {.items = elements, .items_per_tile = kElementsPerTile, .nanoseconds_per_item = 1},
      [walk](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
        const T* x = input<T>(arguments, 0);
        const T* maximum = input<T>(arguments, 1);
        const T* share = input<T>(arguments, 2);
        T* result = output<T>(arguments, 0);
        const std::int64_t step = walk.inner.x_step;
        for_each_run(walk, first, last,
                     [&](std::int64_t from, std::int64_t, std::int64_t at, std::int64_t count) {
                       for (std::int64_t i = 0; i < count; ++i) {
                         const T largest = maximum[from + i * step];
                         const T otherwise = largest == largest ? T(0) : largest;
                         result[at + i] = x[at + i] == largest ? share[from + i * step] : otherwise;
                       }
                     });
        return static_cast<const char*>(nullptr);
      });
}

class SpreadToMaximaDefinition final : public OpDefinition {
 public:
  SpreadToMaximaDefinition(Axes axes, bool keepdims) : axes_(std::move(axes)), keepdims_(keepdims) {}

  std::string_view type() const noexcept override { return "MaxGrad"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs[0], "input");
    return {inputs[0]};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec>) const override {
    const Shape& shape = inputs[0].shape;
    return visit_element_type<float, double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return make_to_maxima<T>(plan_broadcast(with_reduced_ones(inputs[0], axes_), shape),
                               shape.num_elements());
    });
  }

  /// The share gets what its maxima got; input and maximum only choose.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    const SourceLocation& where = operation.where();
    const Tensor chosen =
        build_to_maxima(inputs[0], inputs[1], ones_like(inputs[2], {}, where), axes_, keepdims_, where);
    const Tensor share = reduce_sum(multiply(output_gradients[0], chosen, {}, where),
                                    {.axis = axes_, .keepdims = keepdims_}, where);
    return std::vector{Tensor(), Tensor(), share};
  }

  static Tensor build_to_maxima(const Tensor& input, const Tensor& maximum, const Tensor& share,
                                const Axes& axes, bool keepdims, const SourceLocation& where) {
    const TensorLike inputs[] = {{input, where}, {maximum, where}, {share, where}};
    return build(std::make_shared<SpreadToMaximaDefinition>(axes, keepdims),
                 {{"input", &inputs[0]}, {"maximum", &inputs[1]}, {"share", &inputs[2]}}, {}, "MaxGrad",
                 where);
  }

 private:
  Axes axes_;
  bool keepdims_;
};

}  // namespace

Tensor sum_gradient(const Tensor& gradient, const Tensor& input, const Axes& axes, bool keepdims,
                    const SourceLocation& where) {
  return build_spread(Spread::sum, gradient, input, axes, keepdims, where);
}

Tensor mean_gradient(const Tensor& gradient, const Tensor& input, const Axes& axes, bool keepdims,
                     const SourceLocation& where) {
  return build_spread(Spread::mean, gradient, input, axes, keepdims, where);
}

Tensor max_gradient(const Tensor& gradient, const Tensor& input, const Tensor& maximum, const Axes& axes,
                    bool keepdims, const SourceLocation& where) {
  const auto to_maxima = [&](const Tensor& share) {
    return SpreadToMaximaDefinition::build_to_maxima(input, maximum, share, axes, keepdims, where);
  };
  const Tensor equal = to_maxima(ones_like(maximum, {}, where));
  const Tensor count = reduce_sum(equal, {.axis = axes, .keepdims = keepdims}, where);
  return to_maxima(divide(gradient, count, "RealDiv", where));
}

Tensor broadcast_to_shape_of(const Tensor& value, const Tensor& like, const SourceLocation& where) {
  return build_shaped_like(
      "BroadcastTo",
      [](std::span<const Shape> shapes) { return std::make_shared<BroadcastToDefinition>(shapes[0]); }, value,
      like, {}, where);
}

}  // namespace varscope::detail
