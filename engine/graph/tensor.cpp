// SPDX-License-Identifier: Apache-2.0
#include "graph/operation_node.hpp"

#include <varscope/error.hpp>
#include <varscope/tensor.hpp>

namespace varscope {

namespace {

const detail::OperationNode& require_node(const detail::OperationNode* node, const char* what) {
  if (node == nullptr) {
    throw FailedPreconditionError(std::string("an empty ") + what +
                                  " was used; assign it the result of an operation first");
  }
  return *node;
}

}  // namespace

namespace detail {

std::string describe(const OperationNode& node) {
  return "'" + node.name() + "' (" + std::string(node.definition()->type()) + ", made at " +
         to_string(node.where()) + ")";
}

}  // namespace detail

const std::string& Operation::name() const {
  return require_node(node_, "Operation").name();
}

std::string_view Operation::type() const {
  return require_node(node_, "Operation").definition()->type();
}

Graph& Operation::graph() const {
  return require_node(node_, "Operation").graph();
}

std::vector<Tensor> Operation::inputs() const {
  return require_node(node_, "Operation").inputs();
}

std::vector<Operation> Operation::control_inputs() const {
  return require_node(node_, "Operation").control_inputs();
}

int Operation::num_outputs() const {
  return static_cast<int>(require_node(node_, "Operation").outputs().size());
}

Tensor Operation::output(int index) const {
  if (index < 0 || index >= num_outputs()) {
    throw OutOfRangeError("operation " + detail::describe(*node_) + " has " + std::to_string(num_outputs()) +
                          " outputs; there is no output " + std::to_string(index));
  }
  return {node_, index};
}

std::vector<Tensor> Operation::outputs() const {
  std::vector<Tensor> outputs;
  for (int index = 0; index < num_outputs(); ++index) outputs.emplace_back(node_, index);
  return outputs;
}

const SourceLocation& Operation::where() const {
  return require_node(node_, "Operation").where();
}

std::string Tensor::name() const {
  return require_node(node_, "Tensor").name() + ":" + std::to_string(index_);
}

Operation Tensor::op() const {
  return Operation(&require_node(node_, "Tensor"));
}

DType Tensor::dtype() const {
  return require_node(node_, "Tensor").outputs()[static_cast<std::size_t>(index_)].dtype;
}

const Shape& Tensor::shape() const {
  return require_node(node_, "Tensor").outputs()[static_cast<std::size_t>(index_)].shape;
}

Graph& Tensor::graph() const {
  return require_node(node_, "Tensor").graph();
}

}  // namespace varscope
