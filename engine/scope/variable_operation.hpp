// SPDX-License-Identifier: Apache-2.0
// VariableOperation: the definitions of the operations that every variable has. None of them has a kernel:
// the session knows what to do with a variable.
#pragma once

#include "graph/op_definition.hpp"

#include <string_view>
#include <vector>

namespace varscope::detail {

class VariableOperation final : public OpDefinition {
 public:
  /// `type` is a static text.
  VariableOperation(OpRole role, std::string_view type, const VariableRecord& record);

  std::string_view type() const noexcept override { return type_; }
  OpRole role() const noexcept override { return role_; }
  const VariableRecord* variable() const noexcept override { return record_; }
  bool stateful() const noexcept override { return true; }

  /// The variable's dtype and shape.
  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override;
  /// Throws UnimplementedError: the session runs these operations itself.
  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec> outputs) const override;
  /// What is read is the variable, so all of it flows there. The others have no rule.
  std::optional<std::vector<Tensor>> build_gradients(const Operation& operation,
                                                     std::span<const Tensor> output_gradients) const override;

 private:
  OpRole role_;
  std::string_view type_;
  const VariableRecord* record_;
};

}  // namespace varscope::detail
