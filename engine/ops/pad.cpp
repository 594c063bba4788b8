// SPDX-License-Identifier: Apache-2.0
// Pad: a tensor surrounded by a constant.
#include "ops/pad.hpp"

#include "ops/build.hpp"
#include "ops/cast.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/shaped_like.hpp"
#include "ops/slice.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>

#include <array>
#include <cstring>
#include <string>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

/// A dimension of the walk over the rows of the result.
struct PaddedDimension {
  std::int64_t before = 0;
  std::int64_t in = 1;
  std::int64_t out = 1;
};

/// The row of the input that row `row` of the result comes from, or -1 if it lies in the padding.
std::int64_t source_row(const std::vector<PaddedDimension>& outer, std::int64_t row) noexcept {
  std::int64_t source = 0;
  std::int64_t stride = 1;
  for (auto dimension = outer.rbegin(); dimension != outer.rend(); ++dimension) {
    const std::int64_t index = row % dimension->out - dimension->before;
    if (index < 0 || index >= dimension->in) return -1;
    source += index * stride;
    stride *= dimension->in;
    row /= dimension->out;
  }
  return source;
}

/// The bytes of one element, repeated.
struct Filler {
  std::array<std::byte, 8> element = {};
  std::size_t size = 4;

  void fill(std::byte* first, std::int64_t elements) const noexcept {
    for (std::int64_t i = 0; i < elements; ++i, first += size) std::memcpy(first, element.data(), size);
  }
};

class PadDefinition final : public detail::OpDefinition {
 public:
  PadDefinition(std::vector<PadWidths> paddings, double constant_value)
      : paddings_(std::move(paddings)), constant_value_(constant_value) {}

  std::string_view type() const noexcept override { return constant_value_ == 0 ? "Pad" : "PadV2"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& tensor = inputs[0];
    const Shape in = detail::with_rank(tensor, "tensor", static_cast<int>(paddings_.size()),
                                       "one dimension for each pair of widths");
    std::vector<std::int64_t> result;
    for (int axis = 0; axis < in.rank(); ++axis) {
      const PadWidths& widths = paddings_[static_cast<std::size_t>(axis)];
      if (widths.before < 0 || widths.after < 0) {
        throw ValueError("the widths of dimension " + std::to_string(axis) + " are " +
                         std::to_string(widths.before) + " and " + std::to_string(widths.after) +
                         ", but must not be negative; slice() makes a tensor smaller");
      }
      result.push_back(in[axis] == unknown_dimension ? unknown_dimension
                                                     : widths.before + in[axis] + widths.after);
    }
    return {{tensor.dtype, Shape(std::move(result))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& in = inputs[0].shape;
    const Shape& out = outputs[0].shape;
    if (in == out) return nullptr;
    // A row spans the dimensions at the end that are not padded, and the one before them.
    int row_axis = in.rank() - 1;
    while (row_axis > 0 && in[row_axis] == out[row_axis]) --row_axis;
    std::vector<PaddedDimension> outer;
    for (int axis = 0; axis < row_axis; ++axis) {
      outer.push_back({paddings_[static_cast<std::size_t>(axis)].before, in[axis], out[axis]});
    }
    const std::int64_t together = detail::product(in, row_axis + 1, in.rank());
    const PadWidths& widths = paddings_[static_cast<std::size_t>(row_axis)];
    const std::int64_t before = widths.before * together;
    const std::int64_t middle = in[row_axis] * together;
    const std::int64_t after = widths.after * together;
    const std::int64_t row = before + middle + after;
    return detail::make_range_kernel(
        {.items = row == 0 ? 0 : detail::product(out, 0, row_axis),
         .items_per_tile = detail::items_per_tile(row),
         .nanoseconds_per_item = 5 + 0.4 * static_cast<double>(row)},
        [=, filler = filler_of(inputs[0].dtype)](std::int64_t first, std::int64_t last,
                                                 const KernelArguments& arguments) noexcept {
          const auto size = static_cast<std::int64_t>(filler.size);
          for (std::int64_t item = first; item < last; ++item) {
            std::byte* dst = detail::output<std::byte>(arguments, 0) + item * row * size;
            const std::int64_t source = source_row(outer, item);
            if (source < 0) {
              filler.fill(dst, row);
              continue;
            }
            filler.fill(dst, before);
            if (middle > 0) {
              std::memcpy(dst + before * size,
                          detail::input<std::byte>(arguments, 0) + source * middle * size,
                          static_cast<std::size_t>(middle * size));
            }
            filler.fill(dst + (before + middle) * size, after);
          }
          return static_cast<const char*>(nullptr);
        });
  }

  /// The block that the input was put into.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    std::vector<std::int64_t> begin;
    for (const PadWidths& widths : paddings_) begin.push_back(widths.before);
    return std::vector{detail::build_shaped_like(
        "PadGrad",
        [begin](std::span<const Shape> shapes) {
          return detail::slice_definition(begin, shapes[0].dimensions());
        },
        output_gradients[0], operation.inputs()[0], {}, operation.where(),
        [paddings = paddings_](const Tensor& gradient, const SourceLocation& where) {
          return pad(gradient, paddings, {}, where);
        })};
  }

 private:
  Filler filler_of(DType dtype) const noexcept {
    Filler filler{.size = dtype_size(dtype)};
    detail::element_conversion(DType::float64, dtype)(&constant_value_, filler.element.data(), 1);
    return filler;
  }

  std::vector<PadWidths> paddings_;
  double constant_value_;
};

}  // namespace

namespace detail {

std::shared_ptr<const OpDefinition> pad_definition(std::vector<PadWidths> paddings) {
  return std::make_shared<PadDefinition>(std::move(paddings), 0);
}

}  // namespace detail

Tensor pad(const TensorLike& tensor, std::vector<PadWidths> paddings, PadOptions options,
           SourceLocation where) {
  return detail::build(std::make_shared<PadDefinition>(std::move(paddings), options.constant_value),
                       {{"tensor", &tensor}}, options.name, "Pad", where);
}

}  // namespace varscope
