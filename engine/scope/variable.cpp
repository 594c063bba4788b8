// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/create_variable.hpp"
#include "scope/define_variable.hpp"
#include "scope/initializer_body.hpp"
#include "scope/partitioned_record.hpp"
#include "scope/scope_stack.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <algorithm>
#include <memory>

namespace varscope {

namespace {

/// Makes a variable that is not shared (SEMANTICS U1).
const detail::VariableRecord& make_unshared(Initializer initializer, std::optional<Shape> shape,
                                            VariableOptions options, const SourceLocation& where) {
  detail::GraphState& graph = get_default_graph().state();
  detail::ScopeStack& stack = detail::scope_stack(graph);
  if (initializer.is_value() && options.dtype.has_value() &&
      *options.dtype != initializer.body()->value()->dtype()) {
    const std::string name = options.name.empty() ? "Variable" : options.name;
    throw ValueError(detail::describe_request(stack.qualify(name), where) + ": the initial value is " +
                     initializer.body()->value()->description() +
                     ", which does not have the explicit dtype " + std::string(dtype_name(*options.dtype)));
  }
  return detail::create_variable_by_creators(
      graph, stack,
      {std::move(options.name), std::move(shape), options.dtype.value_or(DType::float32),
       std::move(initializer), options.trainable, std::move(options.collections),
       std::move(options.constraint), where},
      "Variable");
}

}  // namespace

Variable::Variable(Initializer initializer, Shape shape, VariableOptions options, SourceLocation where)
    : record_(&make_unshared(std::move(initializer), std::move(shape), std::move(options), where)) {}

Variable::Variable(Initializer initial_value, VariableOptions options, SourceLocation where)
    : record_(&make_unshared(std::move(initial_value), std::nullopt, std::move(options), where)) {}

const detail::VariableRecord& Variable::single(const char* what) const {
  if (record_ != nullptr) return *record_;
  if (!*this) {
    throw FailedPreconditionError("this Variable refers to nothing: get one from get_variable()");
  }
  throw FailedPreconditionError("variable '" + name() + "' has no " + what + " of its own: " +
                                (is_partitioned()
                                     ? "it is partitioned; ask its partitions()"
                                     : "a custom getter computed it from other variables; ask those"));
}

std::string Variable::name() const {
  if (is_partitioned()) return partitioned_->name();
  return computed_ ? computed_.name() : single("name").op_name() + ":0";
}
Operation Variable::op() const {
  return computed_ ? computed_.op() : Operation(&single("operation").node());
}
const Shape& Variable::shape() const {
  if (is_partitioned()) return partitioned_->shape();
  return computed_ ? computed_.shape() : single("shape").shape();
}
DType Variable::dtype() const {
  if (is_partitioned()) return partitioned_->dtype();
  return computed_ ? computed_.dtype() : single("dtype").dtype();
}
bool Variable::trainable() const {
  return is_partitioned() ? partitions().front().trainable() : single("trainable flag").trainable();
}
Graph& Variable::graph() const {
  if (is_partitioned()) return partitions().front().graph();
  return computed_ ? computed_.graph() : single("graph").graph().graph();
}
const SourceLocation& Variable::where() const {
  if (is_partitioned()) return partitions().front().where();
  return computed_ ? computed_.op().where() : single("place").where();
}
const Constraint& Variable::constraint() const {
  return is_partitioned() ? partitions().front().constraint() : single("constraint").constraint();
}
std::vector<Variable> Variable::partitions() const {
  return is_partitioned() ? partitioned_->parts() : std::vector<Variable>{*this};
}
Variable Variable::partitioned_variable() const {
  if (!*this) (void)single("partitioned variable");  // throws
  const detail::PartitionedRecord* const whole = record_ == nullptr ? nullptr : record_->part_of();
  return whole == nullptr ? Variable() : Variable(*whole);
}
PartitionInfo Variable::partition_info() const {
  const Variable whole = partitioned_variable();
  if (!whole) {
    throw FailedPreconditionError("variable '" + name() + "' (made at " + to_string(where()) +
                                  ") is not a part of a partitioned variable; ask partitioned_variable()");
  }
  const std::vector<Variable>& parts = whole.partitioned_->parts();
  const auto position = std::find(parts.begin(), parts.end(), *this);
  return whole.partitioned_->info(static_cast<std::size_t>(position - parts.begin()));
}
Tensor Variable::value() const {
  if (is_partitioned()) return detail::concatenate_partitions(*partitioned_);
  return computed_ ? computed_ : Tensor(&single("value").read_node(), 0);
}
Operation Variable::initializer() const {
  return Operation(&single("initializer").assign_node());
}

}  // namespace varscope
