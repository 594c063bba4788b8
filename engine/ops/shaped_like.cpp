// SPDX-License-Identifier: Apache-2.0
#include "ops/shaped_like.hpp"

#include "graph/operation_builder.hpp"
#include "graph/operation_node.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/tensor_like.hpp>

#include <algorithm>
#include <string>

namespace varscope::detail {

namespace {

/// Inputs: the value, then the tensors that have the shapes.
class ShapedLikeDefinition final : public OpDefinition {
 public:
  ShapedLikeDefinition(std::string_view type, ShapedForm form, ShapedRule rule)
      : type_(type), form_(std::move(form)), rule_(std::move(rule)) {}

  std::string_view type() const noexcept override { return type_; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    std::vector<TensorSpec> outputs;
    bool known = inputs[0].shape.fully_known();
    for (const TensorSpec& like : inputs.subspan(1)) {
      outputs.push_back({inputs[0].dtype, like.shape});
      known = known && like.shape.fully_known();
    }
    return known ? form_of(inputs)->infer(inputs.first(1)) : outputs;
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec> outputs) const override {
    return form_of(inputs)->make_kernel(inputs.first(1), outputs);
  }

  std::optional<ShapedOperation> with_known_shapes(std::span<const TensorSpec> inputs) const override {
    return ShapedOperation{form_of(inputs), 1};
  }

  /// What only gave its shape gets nothing.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    if (rule_) {
      std::vector<Tensor> of_inputs(operation.node()->inputs().size());
      of_inputs[0] = rule_(output_gradients[0], operation.where());
      return of_inputs;
    }
    std::vector<TensorSpec> specs;
    for (const Tensor& input : operation.node()->inputs()) specs.push_back({input.dtype(), input.shape()});
    std::optional<std::vector<Tensor>> gradients =
        form_of(specs)->build_gradients(operation, output_gradients);
    if (gradients) gradients->resize(specs.size());
    return gradients;
  }

 private:
  std::shared_ptr<const OpDefinition> form_of(std::span<const TensorSpec> inputs) const {
    std::vector<Shape> shapes;
    for (const TensorSpec& like : inputs.subspan(1)) shapes.push_back(like.shape);
    return form_(shapes);
  }

  std::string_view type_;
  ShapedForm form_;
  ShapedRule rule_;  // empty: that of the form
};

}  // namespace

std::vector<Tensor> build_shaped_like(std::string_view type, ShapedForm form, const Tensor& value,
                                      std::span<const Tensor> likes, std::string_view name,
                                      const SourceLocation& where, ShapedRule rule) {
  std::vector<Shape> shapes;
  for (const Tensor& like : likes) shapes.push_back(like.shape());
  const bool known =
      std::all_of(shapes.begin(), shapes.end(), [](const Shape& s) { return s.fully_known(); });
  std::vector<TensorLike> inputs{TensorLike(value, where)};
  std::vector<std::string> parameters{"value"};
  if (!known) {
    for (const Tensor& like : likes) {
      inputs.emplace_back(like, where);
      parameters.push_back("like_" + std::to_string(parameters.size() - 1));
    }
  }
  std::vector<NamedInput> named;
  for (std::size_t i = 0; i < inputs.size(); ++i) named.push_back({parameters[i], &inputs[i]});
  std::shared_ptr<const OpDefinition> definition =
      known ? form(shapes) : std::make_shared<ShapedLikeDefinition>(type, std::move(form), std::move(rule));
  return add_operation({.definition = std::move(definition),
                        .inputs = std::move(named),
                        .name = name,
                        .default_name = type,
                        .where = where})
      .outputs();
}

Tensor build_shaped_like(std::string_view type, ShapedForm form, const Tensor& value, const Tensor& like,
                         std::string_view name, const SourceLocation& where, ShapedRule rule) {
  return build_shaped_like(type, std::move(form), value, std::span<const Tensor>(&like, 1), name, where,
                           std::move(rule))
      .front();
}

}  // namespace varscope::detail
