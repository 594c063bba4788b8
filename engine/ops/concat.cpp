// SPDX-License-Identifier: Apache-2.0
// Concat and Split: tensors joined and cut along one dimension. Both move, for each index of the dimensions
// before it, one run of bytes for each part.
#include "ops/build.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/shaped_like.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

/// A part of the whole: its run of bytes for one outer index, and where that lies in the run of the whole.
struct Part {
  std::int64_t bytes = 0;
  std::int64_t offset = 0;
};

/// Which way the bytes go.
enum class Direction { parts_to_whole, whole_to_parts };

template <Direction kDirection>
std::unique_ptr<detail::Kernel> make_move(const std::vector<TensorSpec>& part_specs, int axis) {
  std::vector<Part> parts;
  std::int64_t whole = 0;
  std::int64_t outer = 0;
  for (const TensorSpec& spec : part_specs) {
    const std::int64_t bytes = detail::product(spec.shape, axis, spec.shape.rank()) *
                               static_cast<std::int64_t>(dtype_size(spec.dtype));
    parts.push_back({bytes, whole});
    whole += bytes;
    outer = detail::product(spec.shape, 0, axis);
  }
  const auto count = static_cast<std::int64_t>(parts.size());
  if (whole == 0) outer = 0;
  return detail::make_range_kernel(
      {.items = outer * count,
       .items_per_tile = detail::items_per_tile(whole / count / 4),
       .nanoseconds_per_item = 5 + 0.1 * static_cast<double>(whole / count)},
      [parts, count, whole](std::int64_t first, std::int64_t last,
                            const KernelArguments& arguments) noexcept {
        for (std::int64_t item = first; item < last; ++item) {
          const auto index = static_cast<int>(item % count);
          const Part& part = parts[static_cast<std::size_t>(index)];
          const std::int64_t in_whole = item / count * whole + part.offset;
          const std::int64_t in_part = item / count * part.bytes;
          const auto bytes = static_cast<std::size_t>(part.bytes);
          if (bytes == 0) continue;
          if constexpr (kDirection == Direction::parts_to_whole) {
            std::memcpy(detail::output<std::byte>(arguments, 0) + in_whole,
                        detail::input<std::byte>(arguments, index) + in_part, bytes);
          } else {
            std::memcpy(detail::output<std::byte>(arguments, index) + in_part,
                        detail::input<std::byte>(arguments, 0) + in_whole, bytes);
          }
        }
        return static_cast<const char*>(nullptr);
      });
}

/// The operation that cuts into parts of these extents along the axis.
std::shared_ptr<const detail::OpDefinition> split_into(std::span<const Shape> parts, int axis);

class ConcatDefinition final : public detail::OpDefinition {
 public:
  explicit ConcatDefinition(int axis) : axis_(axis) {}

  std::string_view type() const noexcept override { return "ConcatV2"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    if (inputs.empty()) throw ValueError("there are no values to concatenate; give at least one");
    const auto ranked = std::find_if(inputs.begin(), inputs.end(),
                                     [](const TensorSpec& spec) { return spec.shape.has_rank(); });
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      detail::require_same_dtype(inputs[0], "values_0", inputs[i], parameter(i));
    }
    if (ranked == inputs.end()) return {{inputs[0].dtype, Shape::unknown()}};
    const int axis = detail::axis_from_start(axis_, ranked->shape.rank(), *ranked,
                                             parameter(static_cast<std::size_t>(ranked - inputs.begin())));
    std::vector<std::int64_t> result(ranked->shape.dimensions().size(), unknown_dimension);
    std::int64_t& joined = result[static_cast<std::size_t>(axis)];
    joined = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Shape shape =
          detail::with_rank(inputs[i], parameter(i), ranked->shape.rank(), "that of the other values");
      for (int other = 0; other < shape.rank(); ++other) {
        if (other != axis) merge(inputs, i, other, shape[other], result[static_cast<std::size_t>(other)]);
      }
      joined = joined == unknown_dimension || shape[axis] == unknown_dimension ? unknown_dimension
                                                                               : joined + shape[axis];
    }
    return {{inputs[0].dtype, Shape(std::move(result))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    if (inputs.size() == 1) return nullptr;
    const int axis = axis_ < 0 ? axis_ + inputs[0].shape.rank() : axis_;
    return make_move<Direction::parts_to_whole>({inputs.begin(), inputs.end()}, axis);
  }

  /// Cut again.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> values = operation.inputs();
    return detail::build_shaped_like(
        "ConcatGrad", [axis = axis_](std::span<const Shape> shapes) { return split_into(shapes, axis); },
        output_gradients[0], values, {}, operation.where());
  }

 private:
  static std::string parameter(std::size_t index) { return "values_" + std::to_string(index); }

  static void merge(std::span<const TensorSpec> inputs, std::size_t index, int axis, std::int64_t dimension,
                    std::int64_t& result) {
    if (result == unknown_dimension) {
      result = dimension;
    } else if (dimension != unknown_dimension && dimension != result) {
      throw ValueError("'" + parameter(index) + "' is " + detail::to_string(inputs[index]) +
                       ", but dimension " + std::to_string(axis) + " of the values before it is " +
                       std::to_string(result) + "; only the dimension that is joined may differ");
    }
  }

  int axis_;
};

class SplitDefinition final : public detail::OpDefinition {
 public:
  SplitDefinition(SplitSizes sizes, int axis) : sizes_(std::move(sizes)), axis_(axis) {}

  std::string_view type() const noexcept override { return sizes_.equal_parts() ? "Split" : "SplitV"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& value = inputs[0];
    if (sizes_.num_splits() < 1) throw ValueError("there must be at least one part, but none is asked for");
    require_sizes();
    const auto count = static_cast<std::size_t>(sizes_.num_splits());
    if (!value.shape.has_rank()) return std::vector<TensorSpec>(count, {value.dtype, Shape::unknown()});
    const int axis = detail::axis_from_start(axis_, value.shape.rank(), value, "value");
    std::vector<TensorSpec> parts;
    for (const std::int64_t extent : extents(value, axis)) {
      std::vector<std::int64_t> dimensions = value.shape.dimensions();
      dimensions[static_cast<std::size_t>(axis)] = extent;
      parts.push_back({value.dtype, Shape(std::move(dimensions))});
    }
    return parts;
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    if (outputs.size() == 1) return nullptr;
    const int axis = axis_ < 0 ? axis_ + inputs[0].shape.rank() : axis_;
    return make_move<Direction::whole_to_parts>({outputs.begin(), outputs.end()}, axis);
  }

  /// Joined again, zeros for parts that nothing depends on.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    std::vector<Tensor> parts(output_gradients.begin(), output_gradients.end());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i]) parts[i] = zeros_like(operation.output(static_cast<int>(i)), {}, operation.where());
    }
    return std::vector{concat(parts, axis_, {}, operation.where())};
  }

 private:
  void require_sizes() const {
    const std::vector<std::int64_t>& sizes = sizes_.sizes();
    if (std::any_of(sizes.begin(), sizes.end(), [](std::int64_t size) { return size < unknown_dimension; }) ||
        std::count(sizes.begin(), sizes.end(), unknown_dimension) > 1) {
      throw ValueError("the sizes " + list() + " must not be negative, but for one -1");
    }
  }

  /// Of the parts along the axis.
  std::vector<std::int64_t> extents(const TensorSpec& value, int axis) const {
    const std::int64_t whole = value.shape[axis];
    const std::string given = "'value' is " + detail::to_string(value) + ", whose dimension " +
                              std::to_string(axis) + " is " + std::to_string(whole);
    if (sizes_.equal_parts()) {
      const int count = sizes_.num_splits();
      if (whole % count != 0 && whole != unknown_dimension) {
        throw ValueError(given + ", which does not divide into " + std::to_string(count) + " equal parts");
      }
      return std::vector<std::int64_t>(static_cast<std::size_t>(count),
                                       whole == unknown_dimension ? unknown_dimension : whole / count);
    }
    std::vector<std::int64_t> result = sizes_.sizes();
    if (whole == unknown_dimension) return result;
    const auto rest = std::find(result.begin(), result.end(), unknown_dimension);
    std::int64_t sum = 0;
    for (const std::int64_t size : result) sum += std::max<std::int64_t>(size, 0);
    if (rest == result.end() ? sum != whole : sum > whole) {
      throw ValueError(given + ", but the sizes " + list() + " add up to " + std::to_string(sum));
    }
    if (rest != result.end()) *rest = whole - sum;
    return result;
  }

  std::string list() const {
    std::string text = "[";
    for (const std::int64_t size : sizes_.sizes()) {
      text += (text.size() > 1 ? "," : "") + std::to_string(size);
    }
    return text + "]";
  }

  SplitSizes sizes_;
  int axis_;
};

std::shared_ptr<const detail::OpDefinition> split_into(std::span<const Shape> parts, int axis) {
  std::vector<std::int64_t> sizes;
  for (const Shape& part : parts) {
    sizes.push_back(part.has_rank() ? part[axis < 0 ? axis + part.rank() : axis] : unknown_dimension);
  }
  return std::make_shared<SplitDefinition>(SplitSizes(std::move(sizes)), axis);
}

}  // namespace

Tensor concat(const TensorList& values, int axis, std::string_view name, SourceLocation where) {
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < values.values().size(); ++i)
    parameters.push_back("values_" + std::to_string(i));
  std::vector<detail::NamedInput> inputs;
  for (std::size_t i = 0; i < parameters.size(); ++i) inputs.push_back({parameters[i], &values.values()[i]});
  return detail::build(std::make_shared<ConcatDefinition>(axis), std::move(inputs), name, "concat", where);
}

std::vector<Tensor> split(const TensorLike& value, const SplitSizes& num_or_size_splits, int axis,
                          std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<SplitDefinition>(num_or_size_splits, axis), {{"value", &value}}, name,
                       "split", where)
      .op()
      .outputs();
}

}  // namespace varscope
