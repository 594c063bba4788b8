// SPDX-License-Identifier: Apache-2.0
// Identity, StopGradient and Reshape: the same elements under another name or shape. None of them copies.
#include "ops/build.hpp"
#include "ops/shape_rules.hpp"
#include "ops/shaped_like.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>

#include <algorithm>
#include <string>

namespace varscope {

namespace {

using detail::TensorSpec;

/// An operation whose output is the memory of its input.
class ViewDefinition : public detail::OpDefinition {
 public:
  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec>,
                                              std::span<const TensorSpec>) const override {
    return nullptr;
  }
};

class IdentityDefinition final : public ViewDefinition {
 public:
  std::string_view type() const noexcept override { return "Identity"; }
  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation&, std::span<const Tensor> output_gradients) const override {
    return std::vector{output_gradients[0]};
  }
};

class StopGradientDefinition final : public ViewDefinition {
 public:
  std::string_view type() const noexcept override { return "StopGradient"; }
  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  /// Nothing flows: what it is for.
  std::optional<std::vector<Tensor>> build_gradients(const Operation&,
                                                     std::span<const Tensor>) const override {
    return std::vector{Tensor()};
  }
};

class ReshapeDefinition final : public ViewDefinition {
 public:
  explicit ReshapeDefinition(Shape shape) : shape_(std::move(shape)) {}

  std::string_view type() const noexcept override { return "Reshape"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& tensor = inputs[0];
    if (!shape_.has_rank()) throw ValueError("the new shape must have a rank, but nothing is known of it");
    std::vector<std::int64_t> dimensions = shape_.dimensions();
    const auto rest = std::find(dimensions.begin(), dimensions.end(), unknown_dimension);
    if (rest == dimensions.end()) {
      if (tensor.shape.fully_known() && tensor.shape.num_elements() != shape_.num_elements()) {
        refuse(tensor, "has " + std::to_string(shape_.num_elements()));
      }
      return {{tensor.dtype, shape_}};
    }
    if (std::find(rest + 1, dimensions.end(), unknown_dimension) != dimensions.end()) {
      throw ValueError("the new shape " + shape_.to_string() +
                       " has more than one -1; at most one can follow " + "from the others");
    }
    *rest = 1;
    const std::int64_t others = Shape(dimensions).num_elements();
    *rest = unknown_dimension;
    if (!tensor.shape.fully_known()) return {{tensor.dtype, Shape(std::move(dimensions))}};
    const std::int64_t elements = tensor.shape.num_elements();
    if (others == 0 || elements % others != 0) {
      refuse(tensor, "needs a multiple of " + std::to_string(others));
    }
    *rest = elements / others;
    return {{tensor.dtype, Shape(std::move(dimensions))}};
  }

  /// Under the input's shape again.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return std::vector{detail::build_shaped_like(
        "Reshape",
        [](std::span<const Shape> shapes) { return std::make_shared<ReshapeDefinition>(shapes[0]); },
        output_gradients[0], operation.inputs()[0], {}, operation.where())};
  }

 private:
  [[noreturn]] void refuse(const TensorSpec& tensor, const std::string& wanted) const {
    throw ValueError("'tensor' is " + detail::to_string(tensor) + ", which has " +
                     std::to_string(tensor.shape.num_elements()) + " elements, but the new shape " +
                     shape_.to_string() + " " + wanted);
  }

  Shape shape_;
};

}  // namespace

Tensor identity(const TensorLike& input, std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<IdentityDefinition>(), {{"input", &input}}, name, "Identity", where);
}

Tensor stop_gradient(const TensorLike& input, std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<StopGradientDefinition>(), {{"input", &input}}, name, "StopGradient",
                       where);
}

Tensor reshape(const TensorLike& tensor, Shape shape, std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<ReshapeDefinition>(std::move(shape)), {{"tensor", &tensor}}, name,
                       "Reshape", where);
}

}  // namespace varscope
