// SPDX-License-Identifier: Apache-2.0
// Slice: a block of a tensor.
#include "ops/slice.hpp"

#include "ops/build.hpp"
#include "ops/pad.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/shaped_like.hpp"
#include "ops/strides.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>

#include <cstring>
#include <string>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

class SliceDefinition final : public detail::OpDefinition {
 public:
  SliceDefinition(std::vector<std::int64_t> begin, std::vector<std::int64_t> size)
      : begin_(std::move(begin)), size_(std::move(size)) {}

  std::string_view type() const noexcept override { return "Slice"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& input = inputs[0];
    if (begin_.size() != size_.size()) {
      throw ValueError("begin has " + std::to_string(begin_.size()) + " entries and size has " +
                       std::to_string(size_.size()) + ", but both need one for each dimension");
    }
    const Shape in = detail::with_rank(input, "input", static_cast<int>(begin_.size()),
                                       "one dimension for each entry of begin and size");
    std::vector<std::int64_t> result;
    for (int axis = 0; axis < in.rank(); ++axis) result.push_back(extent(input, in[axis], axis));
    return {{input.dtype, Shape(std::move(result))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& in = inputs[0].shape;
    const Shape& out = outputs[0].shape;
    if (in == out) return nullptr;
    const auto element = static_cast<std::int64_t>(dtype_size(inputs[0].dtype));
    const std::vector<std::int64_t> strides = detail::row_major_strides(in);
    std::int64_t start = 0;
    for (std::size_t axis = 0; axis < strides.size(); ++axis) start += begin_[axis] * strides[axis];
    // A run is what lies together: the dimensions at the end that are taken whole, and the one before them.
    int run_axis = in.rank() - 1;
    while (run_axis > 0 && in[run_axis] == out[run_axis]) --run_axis;
    std::vector<detail::StridedDimension> outer;
    for (int axis = 0; axis < run_axis; ++axis) {
      outer.push_back({out[axis], strides[static_cast<std::size_t>(axis)]});
    }
    const std::int64_t run = detail::product(out, run_axis, out.rank());
    return detail::make_range_kernel({.items = run == 0 ? 0 : detail::product(out, 0, run_axis),
                                      .items_per_tile = detail::items_per_tile(run),
                                      .nanoseconds_per_item = 5 + 0.2 * static_cast<double>(run)},
                                     [outer, start, run, element](std::int64_t first, std::int64_t last,
                                                                  const KernelArguments& arguments) noexcept {
                                       for (std::int64_t item = first; item < last; ++item) {
                                         std::memcpy(
                                             detail::output<std::byte>(arguments, 0) + item * run * element,
                                             detail::input<std::byte>(arguments, 0) +
                                                 (start + detail::strided_offset(outer, item)) * element,
                                             static_cast<std::size_t>(run * element));
                                       }
                                       return static_cast<const char*>(nullptr);
                                     });
  }

  /// Zeros around it.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return std::vector{detail::build_shaped_like(
        "SliceGrad",
        [begin = begin_, size = size_](std::span<const Shape> shapes) {
          return detail::pad_definition(widths_around(begin, size, shapes[0]));
        },
        output_gradients[0], operation.inputs()[0], {}, operation.where(),
        [begin = begin_, size = size_](const Tensor& gradient, const SourceLocation& where) {
          return slice(gradient, begin, size, {}, where);
        })};
  }

 private:
  /// What lies before and after the block in a tensor of that shape, which is fully known.
  static std::vector<PadWidths> widths_around(const std::vector<std::int64_t>& begin,
                                              const std::vector<std::int64_t>& size, const Shape& shape) {
    std::vector<PadWidths> widths;
    for (std::size_t axis = 0; axis < begin.size(); ++axis) {
      const std::int64_t rest = shape.dimensions()[axis] - begin[axis];
      widths.push_back({begin[axis], size[axis] < 0 ? 0 : rest - size[axis]});
    }
    return widths;
  }

  std::int64_t extent(const TensorSpec& input, std::int64_t whole, int axis) const {
    const std::int64_t begin = begin_[static_cast<std::size_t>(axis)];
    const std::int64_t size = size_[static_cast<std::size_t>(axis)];
    const bool known = whole != unknown_dimension;
    if (begin < 0 || size < -1 || (known && begin > whole) || (known && size > whole - begin)) {
      throw ValueError("'input' is " + detail::to_string(input) + ", so dimension " + std::to_string(axis) +
                       " has no block that begins at " + std::to_string(begin) + " and has the size " +
                       std::to_string(size));
    }
    if (size >= 0) return size;
    return known ? whole - begin : unknown_dimension;
  }

  std::vector<std::int64_t> begin_;
  std::vector<std::int64_t> size_;
};

}  // namespace

namespace detail {

std::shared_ptr<const OpDefinition> slice_definition(std::vector<std::int64_t> begin,
                                                     std::vector<std::int64_t> size) {
  return std::make_shared<SliceDefinition>(std::move(begin), std::move(size));
}

}  // namespace detail

Tensor slice(const TensorLike& input, std::vector<std::int64_t> begin, std::vector<std::int64_t> size,
             std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<SliceDefinition>(std::move(begin), std::move(size)),
                       {{"input", &input}}, name, "Slice", where);
}

}  // namespace varscope
