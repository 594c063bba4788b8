// SPDX-License-Identifier: Apache-2.0
// Assign, AssignAdd, AssignSub. What they compute is here; that a run keeps it, in the session.
#include "ops/build.hpp"
#include "ops/elementwise_binary.hpp"
#include "ops/shape_rules.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/state_ops.hpp>

#include <string>

namespace varscope {

namespace {

using detail::TensorSpec;

/// Of a variable and a value of the same dtype and shape.
class AssignDefinition final : public detail::OpDefinition {
 public:
  /// `type` is a static text; no update: the value itself.
  AssignDefinition(std::string_view type, const detail::VariableRecord& record,
                   std::shared_ptr<const OpDefinition> update)
      : type_(type), record_(&record), update_(std::move(update)) {}

  std::string_view type() const noexcept override { return type_; }
  detail::OpRole role() const noexcept override {
    return update_ ? detail::OpRole::assign_update : detail::OpRole::assign;
  }
  const detail::VariableRecord* variable() const noexcept override { return record_; }
  std::span<const detail::VariableRecord* const> variables() const noexcept override { return {&record_, 1}; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& ref = inputs[0];
    const TensorSpec& value = inputs[1];
    if (update_ && ref.dtype == DType::boolean) {
      throw TypeError("'ref' is " + detail::to_string(ref) + ", but there are no sums of bool");
    }
    detail::require_same_dtype(ref, "ref", value, "value");
    if (!ref.shape.compatible_with(value.shape)) {
      throw ValueError("'value' is " + detail::to_string(value) + ", but variable " + record_->op_name() +
                       " (made at " + to_string(record_->where()) + ") is " + detail::to_string(ref) +
                       "; nothing is broadcast to a variable");
    }
    return {ref};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    return update_ ? update_->make_kernel(inputs, outputs) : nullptr;
  }

 private:
  const std::string_view type_;
  const detail::VariableRecord* const record_;
  const std::shared_ptr<const OpDefinition> update_;
};

Tensor build_assign(std::string_view type, std::shared_ptr<const detail::OpDefinition> update,
                    const Variable& ref, const TensorLike& value, std::string_view name,
                    const SourceLocation& where) {
  const Tensor variable = ref.initializer().inputs().front();  // throws unless it is a single variable
  const TensorLike variable_input(variable, where);
  return detail::build(std::make_shared<AssignDefinition>(type, *ref.record(), std::move(update)),
                       {{"ref", &variable_input}, {"value", &value}}, name, type, where);
}

}  // namespace

Tensor assign(const Variable& ref, const TensorLike& value, std::string_view name, SourceLocation where) {
  return build_assign("Assign", nullptr, ref, value, name, where);
}

Tensor assign_add(const Variable& ref, const TensorLike& value, std::string_view name, SourceLocation where) {
  return build_assign("AssignAdd", detail::add_definition(), ref, value, name, where);
}

Tensor assign_sub(const Variable& ref, const TensorLike& value, std::string_view name, SourceLocation where) {
  return build_assign("AssignSub", detail::subtract_definition(), ref, value, name, where);
}

}  // namespace varscope
