// SPDX-License-Identifier: Apache-2.0
#include "ops/scale_rows.hpp"

#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>

#include <vector>

namespace varscope::detail {

namespace {

/// Inputs: rows, scales.
class ScaleRowsDefinition final : public OpDefinition {
 public:
  std::string_view type() const noexcept override { return "Mul"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs[0], "rows");
    require_same_dtype(inputs[0], "rows", inputs[1], "scales");
    if (!inputs[0].shape.has_rank()) return {inputs[0]};
    std::vector<std::int64_t> dimensions = inputs[0].shape.dimensions();
    if (!dimensions.empty()) dimensions.pop_back();
    if (inputs[0].shape.rank() == 0 || !Shape(std::move(dimensions)).compatible_with(inputs[1].shape)) {
      throw ValueError("'rows' is " + to_string(inputs[0]) + " and 'scales' is " + to_string(inputs[1]) +
                       ", but scales must have the shape of the rows without their last dimension");
    }
    return {inputs[0]};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec>) const override {
    const Shape& shape = inputs[0].shape;
    const std::int64_t length = shape[shape.rank() - 1];
    const RangeOptions options = {.items = inputs[1].shape.num_elements(),
                                  .items_per_tile = items_per_tile(length),
                                  .nanoseconds_per_item = 1 + static_cast<double>(length) * 0.2,
                                  .in_place_input = 0};
    return visit_element_type<float, double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return make_range_kernel(options, [length](std::int64_t first, std::int64_t last,
                                                 const KernelArguments& arguments) noexcept {
        const T* scales = input<T>(arguments, 1);
        for (std::int64_t row = first; row < last; ++row) {
          const T* src = input<T>(arguments, 0) + row * length;
          T* dst = output<T>(arguments, 0) + row * length;
          for (std::int64_t i = 0; i < length; ++i) dst[i] = src[i] * scales[row];
        }
        return static_cast<const char*>(nullptr);
      });
    });
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    const SourceLocation& where = operation.where();
    return std::vector{scale_rows(output_gradients[0], inputs[1], where),
                       reduce_sum(multiply(output_gradients[0], inputs[0], {}, where), {.axis = -1}, where)};
  }
};

}  // namespace

Tensor scale_rows(const Tensor& rows, const Tensor& scales, const SourceLocation& where) {
  const TensorLike of_rows(rows, where);
  const TensorLike of_scales(scales, where);
  return build(std::make_shared<ScaleRowsDefinition>(), {{"rows", &of_rows}, {"scales", &of_scales}}, {},
               "mul", where);
}

}  // namespace varscope::detail
