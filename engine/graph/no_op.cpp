// SPDX-License-Identifier: Apache-2.0
// NoOp: an operation that only makes others run; and control_dependencies(), which gives operations others
// to run.
#include "graph/graph_state.hpp"
#include "graph/operation_builder.hpp"
#include "scope/scope_stack.hpp"

#include <varscope/control_flow_ops.hpp>
#include <varscope/error.hpp>
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

Operation add_no_op(std::vector<Operation> control_inputs, std::string_view name,
                    std::string_view default_name, const SourceLocation& where) {
  return detail::add_operation({.definition = std::make_shared<NoOpDefinition>(),
                                .control_inputs = std::move(control_inputs),
                                .name = name,
                                .default_name = default_name,
                                .where = where});
}

void require_not_empty(const std::vector<Operation>& operations, const std::string& what) {
  for (const Operation& operation : operations) {
    if (!operation) throw ValueError(what + ": an Operation refers to nothing");
  }
}

}  // namespace

ControlDependenciesGuard control_dependencies(const std::vector<Operation>& control_inputs) {
  Graph& graph = get_default_graph();
  require_not_empty(control_inputs, "control_dependencies()");
  for (const Operation& operation : control_inputs) {
    if (&operation.graph() == &graph) continue;
    throw ValueError("control_dependencies(): " + describe(*operation.node()) +
                     " belongs to another graph than the default graph");
  }
  detail::ScopeStack& stack = detail::scope_stack(graph.state());
  std::vector<Operation> all = stack.control_dependencies();
  all.insert(all.end(), control_inputs.begin(), control_inputs.end());
  return {stack, stack.exchange_control_dependencies(std::move(all))};
}

ControlDependenciesGuard::~ControlDependenciesGuard() {
  (void)stack_->exchange_control_dependencies(std::move(previous_));
}

Operation group(const std::vector<Operation>& inputs, std::string_view name, SourceLocation where) {
  require_not_empty(inputs, "group() at " + to_string(where));
  return add_no_op(inputs, name, "group_deps", where);
}

Operation no_op(std::string_view name, SourceLocation where) {
  return add_no_op({}, name, "NoOp", where);
}

Operation variables_initializer(const std::vector<Variable>& variables, std::string_view name,
                                SourceLocation where) {
  std::vector<Operation> initializers;
  for (const Variable& variable : variables) {
    for (const Variable& part : variable.partitions()) initializers.push_back(part.initializer());
  }
  return add_no_op(std::move(initializers), name, "init", where);
}

Operation global_variables_initializer(SourceLocation where) {
  return variables_initializer(global_variables(), "init", where);
}

Operation local_variables_initializer(SourceLocation where) {
  return variables_initializer(local_variables(), "init", where);
}

}  // namespace varscope
