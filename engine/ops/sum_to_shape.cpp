// SPDX-License-Identifier: Apache-2.0
#include "ops/sum_to_shape.hpp"

#include "ops/reduce.hpp"
#include "ops/shape_rules.hpp"
#include "ops/shaped_like.hpp"
#include "ops/spread.hpp"

#include <varscope/error.hpp>

#include <string>

namespace varscope::detail {

namespace {

/// The sum over all dimensions that `shape` has not, or of which it has 1 only.
class SumToShapeDefinition final : public OpDefinition {
 public:
  explicit SumToShapeDefinition(Shape shape) : shape_(std::move(shape)) {}

  std::string_view type() const noexcept override { return "SumToShape"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    if (inputs[0].shape.has_rank()) (void)summed_dimensions(inputs[0]);
    return {{inputs[0].dtype, shape_}};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec>) const override {
    return make_sum_kernel(inputs[0], summed_dimensions(inputs[0]), shape_);
  }

  /// Repeated again.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return std::vector{broadcast_to_shape_of(output_gradients[0], operation.inputs()[0], operation.where())};
  }

 private:
  /// Requires: a known rank.
  std::vector<bool> summed_dimensions(const TensorSpec& value) const {
    const int missing = value.shape.rank() - shape_.rank();
    std::vector<bool> summed(value.shape.dimensions().size(), false);
    bool fits = missing >= 0;
    for (int axis = 0; fits && axis < value.shape.rank(); ++axis) {
      const std::int64_t from = value.shape[axis];
      const std::int64_t to = axis < missing ? 1 : shape_[axis - missing];
      summed[static_cast<std::size_t>(axis)] = to == 1;
      fits = to == 1 || from == to || from == unknown_dimension;
    }
    if (fits) return summed;
    throw ValueError("'value' is " + to_string(value) + ", which was not broadcast from " +
                     shape_.to_string());
  }

  Shape shape_;
};

/// Whether no dimension of `operand` but the last `own_dimensions` can have been repeated.
bool surely_not_repeated(const Shape& operand, const Shape& other, int own_dimensions) {
  if (!operand.has_rank() || !other.has_rank() || operand.rank() < other.rank()) return false;
  const int missing = operand.rank() - other.rank();
  for (int axis = 0; axis < operand.rank() - own_dimensions; ++axis) {
    const std::int64_t beside = axis < missing ? 1 : other[axis - missing];
    const bool own = operand[axis] != unknown_dimension && operand[axis] != 1;
    if (!own && beside != 1) return false;
  }
  return true;
}

}  // namespace

Tensor sum_to_operand(const Tensor& gradient, const Tensor& operand, const Tensor& other,
                      const SourceLocation& where, int own_dimensions) {
  if (operand == other || surely_not_repeated(operand.shape(), other.shape(), own_dimensions))
    return gradient;
  return build_shaped_like(
      "SumToShape",
      [](std::span<const Shape> shapes) { return std::make_shared<SumToShapeDefinition>(shapes[0]); },
      gradient, operand, {}, where);
}

}  // namespace varscope::detail
