// SPDX-License-Identifier: Apache-2.0
// OperationNode: what an Operation handle points to. Immutable once the graph has it.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace varscope {
class Graph;
}

namespace varscope::detail {

class OperationNode {
 public:
  OperationNode(Graph& graph, std::string name, std::shared_ptr<const OpDefinition> definition,
                std::vector<Tensor> inputs, std::vector<Operation> control_inputs,
                std::vector<TensorSpec> outputs, const SourceLocation& where)
      : graph_(&graph),
        name_(std::move(name)),
        definition_(std::move(definition)),
        inputs_(std::move(inputs)),
        control_inputs_(std::move(control_inputs)),
        outputs_(std::move(outputs)),
        where_(where) {}

  Graph& graph() const noexcept { return *graph_; }
  const std::string& name() const noexcept { return name_; }
  const std::shared_ptr<const OpDefinition>& definition() const noexcept { return definition_; }
  const std::vector<Tensor>& inputs() const noexcept { return inputs_; }
  const std::vector<Operation>& control_inputs() const noexcept { return control_inputs_; }
  const std::vector<TensorSpec>& outputs() const noexcept { return outputs_; }
  const SourceLocation& where() const noexcept { return where_; }

 private:
  Graph* graph_;
  std::string name_;
  std::shared_ptr<const OpDefinition> definition_;
  std::vector<Tensor> inputs_;
  std::vector<Operation> control_inputs_;
  std::vector<TensorSpec> outputs_;
  SourceLocation where_;
};

/// "'conv1/Conv2D' (Conv2D, made at model.cpp:12)", for messages.
std::string describe(const OperationNode& node);

}  // namespace varscope::detail
