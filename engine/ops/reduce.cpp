// SPDX-License-Identifier: Apache-2.0
// Sum, Mean and Max over some dimensions. Neighbouring dimensions that are both reduced or both kept count as
// one; then each reduced one, from the last to the first, is a step that sees its input as [outer, length,
// inner] and leaves [outer, inner]. A long one is cut into chunks first, by its length alone, so that threads
// share it and the order of the additions does not depend on them.
#include "ops/reduce.hpp"

#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/spread.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/simd/reference/elementwise.hpp>
#include <varscope/simd/reference/reduce.hpp>

#include <string>

namespace varscope {

namespace {

namespace reference = simd::reference;
using detail::KernelArguments;
using detail::TensorSpec;

enum class Reduction { sum, mean, max };

constexpr const char* type_of(Reduction reduction) noexcept {
  return reduction == Reduction::sum ? "Sum" : reduction == Reduction::mean ? "Mean" : "Max";
}

/// Above this many elements from one kept index to the next, tiles cut `inner`, not `length`.
constexpr std::int64_t kWide = 1024;
/// Rows that a wide step sums before it adds them to the rest: keeps the error of long sums small.
constexpr std::int64_t kRowsPerSum = 64;
/// Elements of a chunk, where a length is cut.
constexpr std::int64_t kChunkElements = 2 * detail::kElementsPerTile;

/// What a step does with elements of T.
template <typename T>
struct ReduceFunctions {
  void (*along_axis)(const T* src, T* dst, std::int64_t outer, std::int64_t length,
                     std::int64_t inner) noexcept;
  void (*combine)(const T* a, const T* b, T* dst, std::int64_t count) noexcept;
};

template <typename T>
ReduceFunctions<T> functions_of(Reduction reduction) {
  if (reduction == Reduction::max) {
    return {&reference::max_axis<T>, &reference::for_each_pair<reference::Maximum, false, false, T>};
  }
  return {&reference::sum_axis<T>, &reference::for_each_pair<reference::Add, false, false, T>};
}

template <>
ReduceFunctions<float> functions_of<float>(Reduction reduction) {
  const simd::KernelSet& kernels = detail::kernel_set();
  if (reduction == Reduction::max) {
    return {kernels.reduce.max_axis, kernels.elementwise.maximum.vector_vector};
  }
  return {kernels.reduce.sum_axis, kernels.elementwise.add.vector_vector};
}

/// [outer, length, inner] -> [outer, chunks, inner]
struct ReduceStep {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
  std::int64_t chunk = 1;         // of the length
  std::int64_t chunks = 1;        // that cover it
  std::int64_t columns = 1;       // of the inner, in one unit of work
  std::int64_t column_units = 1;  // that cover it
  std::int64_t units_per_tile = 1;

  std::int64_t units() const noexcept { return outer * chunks * column_units; }
  std::int64_t results() const noexcept { return outer * chunks * inner; }
};

ReduceStep make_step(std::int64_t outer, std::int64_t length, std::int64_t inner) noexcept {
  ReduceStep step{.outer = outer, .length = length, .inner = inner, .chunk = length, .columns = inner};
  if (inner >= kWide) {
    step.columns = kWide;
    step.column_units = (inner + kWide - 1) / kWide;
  } else if (length * inner > 2 * kChunkElements) {
    step.chunk = kChunkElements / inner;
    step.chunks = (length + step.chunk - 1) / step.chunk;
  }
  step.units_per_tile = detail::items_per_tile(step.chunk * step.columns);
  return step;
}

template <typename T>
class ReduceKernel final : public detail::Kernel {
 public:
  ReduceKernel(Reduction reduction, std::vector<ReduceStep> steps, std::int64_t count)
      : reduction_(reduction),
        steps_(std::move(steps)),
        count_(count),
        functions_(functions_of<T>(reduction)) {
    for (std::size_t i = 0; i + 1 < steps_.size(); ++i) {
      offsets_.push_back(workspace_elements_);
      workspace_elements_ += steps_[i].results();
    }
  }

  int num_stages() const noexcept override { return static_cast<int>(steps_.size()); }

  std::int64_t num_tiles(int stage) const noexcept override {
    const ReduceStep& step = steps_[static_cast<std::size_t>(stage)];
    return (step.units() + step.units_per_tile - 1) / step.units_per_tile;
  }

  const char* run_tile(int stage, std::int64_t tile,
                       const KernelArguments& arguments) const noexcept override {
    const auto index = static_cast<std::size_t>(stage);
    const ReduceStep& step = steps_[index];
    auto* workspace = static_cast<T*>(arguments.workspace);
    const T* src = stage == 0 ? detail::input<T>(arguments, 0) : workspace + offsets_[index - 1];
    const bool last = index + 1 == steps_.size();
    T* dst = last ? detail::output<T>(arguments, 0) : workspace + offsets_[index];
    const std::int64_t end = std::min(step.units(), (tile + 1) * step.units_per_tile);
    for (std::int64_t unit = tile * step.units_per_tile; unit < end; ++unit)
      run_unit(step, unit, last, src, dst);
    return nullptr;
  }

  std::size_t workspace_bytes() const noexcept override {
    return static_cast<std::size_t>(workspace_elements_) * sizeof(T);
  }

  double cost_nanoseconds() const noexcept override {
    const ReduceStep& first = steps_.front();
    return static_cast<double>(first.outer * first.length) * static_cast<double>(first.inner) *
           (std::is_same_v<T, float> ? 0.2 : 1);
  }

 private:
  void run_unit(const ReduceStep& step, std::int64_t unit, bool last, const T* src, T* dst) const noexcept {
    const std::int64_t first_column = unit % step.column_units * step.columns;
    const std::int64_t columns = std::min(step.columns, step.inner - first_column);
    const std::int64_t outer = unit / step.column_units / step.chunks;
    const std::int64_t first_row = unit / step.column_units % step.chunks * step.chunk;
    const std::int64_t rows = std::min(step.chunk, step.length - first_row);
    src += (outer * step.length + first_row) * step.inner + first_column;
    dst += unit / step.column_units * step.inner + first_column;
    if (step.inner >= kWide) {
      reduce_wide(src, step.inner, rows, columns, dst);
    } else {
      functions_.along_axis(src, dst, 1, rows, step.inner);
    }
    if (last && reduction_ == Reduction::mean) {
      for (std::int64_t i = 0; i < columns; ++i) {
        dst[i] = reference::mean_of<T>(static_cast<reference::Accumulator<T>>(dst[i]), count_);
      }
    }
  }

  /// `columns` columns of rows that are `stride` elements apart.
  void reduce_wide(const T* src, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                   T* dst) const noexcept {
    T block[kWide];
    for (std::int64_t first = 0; first < rows; first += kRowsPerSum) {
      T* target = first == 0 ? dst : block;
      std::copy_n(src + first * stride, columns, target);
      for (std::int64_t row = first + 1; row < std::min(rows, first + kRowsPerSum); ++row) {
        functions_.combine(target, src + row * stride, target, columns);
      }
      if (first > 0) functions_.combine(dst, block, dst, columns);
    }
  }

  Reduction reduction_;
  std::vector<ReduceStep> steps_;
  std::int64_t count_;  // elements of the input for each of the result
  ReduceFunctions<T> functions_;
  std::vector<std::int64_t> offsets_;  // of the results of each step but the last in the workspace
  std::int64_t workspace_elements_ = 0;
};

/// What a reduction of nothing gives.
template <typename T>
T value_of_nothing(Reduction reduction) noexcept {
  if (reduction == Reduction::max) return reference::lowest_value<T>();
  return reduction == Reduction::mean && std::numeric_limits<T>::has_quiet_NaN
             ? std::numeric_limits<T>::quiet_NaN()
             : T(0);
}

template <typename T>
std::unique_ptr<detail::Kernel> make_fill(T value, std::int64_t elements) {
  return detail::make_range_kernel(
      {.items = elements, .items_per_tile = detail::kElementsPerTile, .description = "plain"},
      [value](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
        std::fill(detail::output<T>(arguments, 0) + first, detail::output<T>(arguments, 0) + last, value);
        return static_cast<const char*>(nullptr);
      });
}

/// Neighbouring dimensions that are all reduced or all kept.
struct DimensionGroup {
  std::int64_t extent = 1;
  bool reduced = false;
};

std::vector<DimensionGroup> grouped(const Shape& shape, const std::vector<bool>& reduced) {
  std::vector<DimensionGroup> groups;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    const bool here = reduced[static_cast<std::size_t>(axis)];
    if (groups.empty() || groups.back().reduced != here) groups.push_back({1, here});
    groups.back().extent *= shape[axis];
  }
  return groups;
}

std::vector<ReduceStep> plan_steps(const std::vector<DimensionGroup>& groups) {
  std::vector<ReduceStep> steps;
  std::int64_t inner = 1;
  for (std::size_t i = groups.size(); i-- > 0;) {
    if (!groups[i].reduced) {
      inner *= groups[i].extent;
      continue;
    }
    std::int64_t outer = 1;
    for (std::size_t before = 0; before < i; ++before) outer *= groups[before].extent;
    for (std::int64_t length = groups[i].extent;;) {
      steps.push_back(make_step(outer, length, inner));
      if (steps.back().chunks == 1) break;
      length = steps.back().chunks;
    }
  }
  return steps;
}

template <typename T>
std::unique_ptr<detail::Kernel> make_reduction(Reduction reduction, const Shape& input,
                                               const std::vector<bool>& reduced, const Shape& result) {
  const std::int64_t results = result.num_elements();
  const std::int64_t elements = input.num_elements();
  if (results == 0 || elements == 0) return make_fill<T>(value_of_nothing<T>(reduction), results);
  std::vector<ReduceStep> steps = plan_steps(grouped(input, reduced));
  if (steps.empty()) return nullptr;  // every reduced dimension is 1: the same elements
  return std::make_unique<ReduceKernel<T>>(reduction, std::move(steps), elements / results);
}

std::unique_ptr<detail::Kernel> make_reduction(Reduction reduction, const TensorSpec& input,
                                               const std::vector<bool>& reduced, const Shape& result) {
  return detail::visit_element_type<float, double, std::int32_t, std::int64_t>(
      input.dtype, [&]<typename T>(detail::ElementType<T>) {
        return make_reduction<T>(reduction, input.shape, reduced, result);
      });
}

class ReduceDefinition final : public detail::OpDefinition {
 public:
  ReduceDefinition(Reduction reduction, Axes axes, bool keepdims)
      : reduction_(reduction), axes_(std::move(axes)), keepdims_(keepdims) {}

  std::string_view type() const noexcept override { return type_of(reduction_); }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& input = inputs[0];
    detail::require_number(input, "input");
    if (!input.shape.has_rank()) {
      return {{input.dtype, axes_.all() && !keepdims_ ? Shape{} : Shape::unknown()}};
    }
    const std::vector<bool> reduced = reduced_dimensions(input);
    std::vector<std::int64_t> result;
    for (int axis = 0; axis < input.shape.rank(); ++axis) {
      if (!reduced[static_cast<std::size_t>(axis)]) {
        result.push_back(input.shape[axis]);
      } else if (keepdims_) {
        result.push_back(1);
      }
    }
    return {{input.dtype, Shape(std::move(result))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    return make_reduction(reduction_, inputs[0], reduced_dimensions(inputs[0]), outputs[0].shape);
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const Tensor& gradient = output_gradients[0];
    const Tensor input = operation.inputs()[0];
    switch (reduction_) {
      case Reduction::sum:
        return std::vector{detail::sum_gradient(gradient, input, axes_, keepdims_, operation.where())};
      case Reduction::mean:
        return std::vector{detail::mean_gradient(gradient, input, axes_, keepdims_, operation.where())};
      case Reduction::max:
        break;
    }
    return std::vector{
        detail::max_gradient(gradient, input, operation.output(0), axes_, keepdims_, operation.where())};
  }

 private:
  /// Requires: a known rank.
  std::vector<bool> reduced_dimensions(const TensorSpec& input) const {
    std::vector<bool> reduced(static_cast<std::size_t>(input.shape.rank()), axes_.all());
    for (const int axis : axes_.list()) {
      const int from_start = detail::axis_from_start(axis, input.shape.rank(), input, "input");
      if (reduced[static_cast<std::size_t>(from_start)]) {
        throw ValueError("axis " + std::to_string(from_start) + " is named twice");
      }
      reduced[static_cast<std::size_t>(from_start)] = true;
    }
    return reduced;
  }

  Reduction reduction_;
  Axes axes_;
  bool keepdims_;
};

Tensor build_reduce(Reduction reduction, const TensorLike& input, ReduceOptions options,
                    const SourceLocation& where) {
  return detail::build(
      std::make_shared<ReduceDefinition>(reduction, std::move(options.axis), options.keepdims),
      {{"input", &input}}, options.name, type_of(reduction), where);
}

}  // namespace

namespace detail {

std::unique_ptr<Kernel> make_sum_kernel(const TensorSpec& input, const std::vector<bool>& summed,
                                        const Shape& result) {
  return make_reduction(Reduction::sum, input, summed, result);
}

}  // namespace detail

Tensor reduce_sum(const TensorLike& input, ReduceOptions options, SourceLocation where) {
  return build_reduce(Reduction::sum, input, std::move(options), where);
}

Tensor reduce_mean(const TensorLike& input, ReduceOptions options, SourceLocation where) {
  return build_reduce(Reduction::mean, input, std::move(options), where);
}

Tensor reduce_max(const TensorLike& input, ReduceOptions options, SourceLocation where) {
  return build_reduce(Reduction::max, input, std::move(options), where);
}

}  // namespace varscope
