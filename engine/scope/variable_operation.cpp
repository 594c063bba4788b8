// SPDX-License-Identifier: Apache-2.0
#include "scope/variable_operation.hpp"

#include "scope/variable_record.hpp"

#include <varscope/error.hpp>

namespace varscope::detail {

VariableOperation::VariableOperation(OpRole role, std::string_view type, const VariableRecord& record)
    : role_(role), type_(type), record_(&record) {}

std::vector<TensorSpec> VariableOperation::infer(std::span<const TensorSpec>) const {
  return {TensorSpec{record_->dtype(), record_->shape()}};
}

std::unique_ptr<Kernel> VariableOperation::make_kernel(std::span<const TensorSpec>,
                                                       std::span<const TensorSpec>) const {
  throw UnimplementedError(std::string(type_) + " of variable " + record_->key() +
                           " has no kernel: a session runs it");
}

std::optional<std::vector<Tensor>> VariableOperation::build_gradients(
    const Operation&, std::span<const Tensor> output_gradients) const {
  if (role_ != OpRole::variable_read) return std::nullopt;
  return std::vector{output_gradients[0]};
}

}  // namespace varscope::detail
