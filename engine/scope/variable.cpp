// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/define_variable.hpp"
#include "scope/initializer_body.hpp"
#include "scope/scope_stack.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <memory>

namespace varscope {

namespace {

const detail::VariableRecord& require(const detail::VariableRecord* record) {
  if (record == nullptr) {
    throw FailedPreconditionError("this Variable refers to nothing: get one from get_variable()");
  }
  return *record;
}

/// Makes a variable that is not shared (SEMANTICS U1).
const detail::VariableRecord& make_unshared(Initializer initializer, std::optional<Shape> shape,
                                            VariableOptions options, const SourceLocation& where) {
  detail::GraphState& graph = get_default_graph().state();
  if (options.name.empty()) options.name = "Variable";
  // As for any name scope, a final "/" means literally that name.
  const bool literally = options.name.back() == '/';
  std::string name = literally ? options.name : detail::scope_stack(graph).qualify(options.name);
  detail::require_variable_name(name, where);
  graph.require_not_finalized(detail::describe_request(name, where));
  if (initializer.is_value() && options.dtype.has_value() &&
      *options.dtype != initializer.body()->value()->dtype()) {
    throw ValueError(detail::describe_request(name, where) + ": the initial value is " +
                     initializer.body()->value()->description() +
                     ", which does not have the explicit dtype " + std::string(dtype_name(*options.dtype)));
  }
  detail::VariableRecord& record = graph.adopt(std::make_unique<detail::VariableRecord>(
      graph, detail::define_variable(
                 graph, {std::move(name), std::move(shape), options.dtype.value_or(DType::float32),
                         std::move(initializer), options.trainable, where})));
  record.complete();
  return record;
}

}  // namespace

Variable::Variable(Initializer initializer, Shape shape, VariableOptions options, SourceLocation where)
    : record_(&make_unshared(std::move(initializer), std::move(shape), std::move(options), where)) {}

Variable::Variable(Initializer initial_value, VariableOptions options, SourceLocation where)
    : record_(&make_unshared(std::move(initial_value), std::nullopt, std::move(options), where)) {}

std::string Variable::name() const {
  return require(record_).op_name() + ":0";
}
Operation Variable::op() const {
  return Operation(&require(record_).node());
}
const Shape& Variable::shape() const {
  return require(record_).shape();
}
DType Variable::dtype() const {
  return require(record_).dtype();
}
bool Variable::trainable() const {
  return require(record_).trainable();
}
Graph& Variable::graph() const {
  return require(record_).graph().graph();
}
const SourceLocation& Variable::where() const {
  return require(record_).where();
}
Tensor Variable::value() const {
  return Tensor(&require(record_).read_node(), 0);
}
Operation Variable::initializer() const {
  return Operation(&require(record_).assign_node());
}

}  // namespace varscope
