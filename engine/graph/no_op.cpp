// SPDX-License-Identifier: Apache-2.0
// NoOp: an operation that only makes others run.
#include "graph/operation_builder.hpp"

#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

namespace varscope {

namespace {

class NoOpDefinition final : public detail::OpDefinition {
 public:
  std::string_view type() const noexcept override { return "NoOp"; }
  std::vector<detail::TensorSpec> infer(std::span<const detail::TensorSpec>) const override { return {}; }
  std::unique_ptr<detail::Kernel> make_kernel(std::span<const detail::TensorSpec>,
                                              std::span<const detail::TensorSpec>) const override {
    return nullptr;  // never asked: the role says that there is nothing to compute
  }
  detail::OpRole role() const noexcept override { return detail::OpRole::no_op; }
};

}  // namespace

Operation variables_initializer(const std::vector<Variable>& variables, std::string_view name,
                                SourceLocation where) {
  std::vector<Operation> initializers;
  for (const Variable& variable : variables) {
    for (const Variable& part : variable.partitions()) initializers.push_back(part.initializer());
  }
  return detail::add_operation({.definition = std::make_shared<NoOpDefinition>(),
                                .control_inputs = std::move(initializers),
                                .name = name,
                                .default_name = "init",
                                .where = where});
}

Operation global_variables_initializer(SourceLocation where) {
  return variables_initializer(global_variables(), "init", where);
}

Operation local_variables_initializer(SourceLocation where) {
  return variables_initializer(local_variables(), "init", where);
}

}  // namespace varscope
