// SPDX-License-Identifier: Apache-2.0
// OperationCollector: finds what a run needs, and nothing else, and infers every shape from the shapes fed.
#pragma once

#include "runtime/execution_plan.hpp"
#include "runtime/plan_graph.hpp"

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace varscope::detail {

class OperationCollector {
 public:
  /// Throws InvalidArgumentError, naming operation and line: a missing feed, a feed that does not fit, shapes
  /// that do not fit together.
  explicit OperationCollector(const PlanRequest& request);

  PlanGraph& graph() noexcept { return graph_; }
  /// The value of each fetch, and behind those of each variable in assigned().
  const std::vector<std::optional<std::size_t>>& fetched() const noexcept { return fetched_; }
  const std::vector<const VariableRecord*>& variables() const noexcept { return variables_; }
  const std::vector<const VariableRecord*>& assigned_initials() const noexcept { return assigned_initials_; }
  /// The variables that get new values.
  const std::vector<const VariableRecord*>& assigned() const noexcept { return assigned_; }
  bool stateful() const noexcept { return stateful_; }

 private:
  void add_feed(std::size_t index);
  void visit(const OperationNode* root, const Tensor& wanted);
  void add_operation(const OperationNode& node);
  void add_assignment(const OperationNode& node);
  void add_update(const OperationNode& node);
  std::size_t current_value(const VariableRecord& record);
  void set_assigned(const VariableRecord& record, std::size_t value);
  void require_not_initialized_too(const VariableRecord& record) const;
  void add_computation(const OperationNode& node, std::vector<std::size_t> inputs);
  void use_known_shapes(GraphOperation& operation);
  void remove_unneeded();
  static std::vector<TensorSpec> infer(const OperationNode& node, const std::vector<TensorSpec>& inputs);
  std::size_t add_value(const Tensor& tensor, GraphValue value);
  std::size_t value_of(const Tensor& tensor) const;
  std::size_t variable_index(const VariableRecord& record);

  const PlanRequest& request_;
  PlanGraph graph_;
  std::unordered_map<Tensor, std::size_t> values_;
  std::unordered_set<const OperationNode*> visited_;
  std::vector<std::optional<std::size_t>> fetched_;
  std::vector<const VariableRecord*> variables_;
  std::unordered_map<const VariableRecord*, std::size_t> variable_indices_;
  std::vector<const VariableRecord*> assigned_initials_;
  std::vector<const VariableRecord*> assigned_;
  std::unordered_map<const VariableRecord*, std::size_t> assigned_values_;  // the last one of each
  std::vector<std::size_t> given_up_;  // values whose shapes were all that an operation wanted of them
  bool stateful_ = false;
};

}  // namespace varscope::detail
