// SPDX-License-Identifier: Apache-2.0
#include "train/slot_variables.hpp"

#include "graph/graph_state.hpp"
#include "scope/create_variable.hpp"
#include "scope/partitioned_record.hpp"
#include "scope/path.hpp"
#include "scope/scope_stack.hpp"

#include <memory>
#include <set>

namespace varscope::detail {

Variable make_root_variable(Graph& graph, std::string name, const Shape& shape, DType dtype,
                            const Initializer& initializer, const SourceLocation& where) {
  ScopeStack& stack = scope_stack(graph.state());
  const RootNameScope at_root(stack);
  VariableCreatorArguments arguments;
  arguments.name = std::move(name);
  if (!initializer.is_value()) arguments.shape = shape;
  arguments.dtype = dtype;
  arguments.initializer = initializer;
  arguments.trainable = false;
  arguments.where = where;
  return Variable(create_variable_by_creators(graph.state(), stack, std::move(arguments), "Variable"));
}

namespace {

/// Makes the slots of all parts the parts of one variable, which the graph owns. Like those of its parts, its
/// name is the first free one; as TensorFlow keeps a slot, it is kept where get_variable() finds nothing.
void unite_parts(const PartitionedRecord& primary, const std::string& variable_name,
                 const std::vector<Variable>& slots) {
  Registry<>& registry = primary.parts().front().graph().state().registry();
  for (int suffix = 0;; ++suffix) {
    const std::string name =
        primary.name() + "/" + variable_name + (suffix == 0 ? "" : "_" + std::to_string(suffix));
    auto fresh = std::make_unique<const PartitionedRecord>(name, primary.shape(), primary.dtype(),
                                                           primary.partitions(), slots);
    const PartitionedRecord* const kept =
        registry.find_or_insert(Path(name + "/")).set_partitioned(fresh.get());
    if (kept != fresh.get()) continue;
    (void)variable_of(*fresh.release());  // owned by the registry from here on
    return;
  }
}

}  // namespace

SlotVariables::Key SlotVariables::key_of(const Variable& primary, std::string_view slot) {
  return {primary.graph().id(), primary.record(), std::string(slot)};
}

SlotVariables::Key SlotVariables::key_of(const Tensor& primary) {
  return {primary.graph().id(), primary.node(), std::to_string(primary.value_index())};
}

void SlotVariables::keep(Key key, const Variable& variable) {
  in_order_.emplace_back(std::get<0>(key), variable);
  by_key_.insert_or_assign(std::move(key), variable);
}

Variable SlotVariables::get_or_make(const Variable& primary, std::string_view slot,
                                    const std::string& variable_name, const SlotInitializer& initializer,
                                    const SourceLocation& where) {
  if (Variable existing = find(primary, slot)) return existing;
  const PartitionedRecord* const whole = primary.record()->part_of();
  const std::vector<Variable> primaries = whole != nullptr ? whole->parts() : std::vector<Variable>{primary};
  std::vector<Variable> slots;
  for (const Variable& part : primaries) {
    slots.push_back(make_root_variable(part.graph(), part.op().name() + "/" + variable_name, part.shape(),
                                       part.dtype(), initializer(part), where));
    keep(key_of(part, slot), slots.back());
  }
  if (whole != nullptr) unite_parts(*whole, variable_name, slots);
  return find(primary, slot);
}

Variable SlotVariables::get_or_make(const Tensor& primary, const std::string& variable_name,
                                    const SourceLocation& where) {
  if (Variable existing = find(primary)) return existing;
  Variable made = make_root_variable(primary.graph(), primary.op().name() + "/" + variable_name,
                                     primary.shape(), primary.dtype(), zeros_initializer(), where);
  keep(key_of(primary), made);
  return made;
}

Variable SlotVariables::find(const Key& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? Variable() : found->second;
}

Variable SlotVariables::find(const Variable& primary, std::string_view slot) const {
  return primary.record() == nullptr ? Variable() : find(key_of(primary, slot));
}

Variable SlotVariables::find(const Tensor& primary) const {
  return find(key_of(primary));
}

std::vector<std::string> SlotVariables::slot_names() const {
  std::set<std::string> names;
  for (const auto& [key, variable] : by_key_) {
    if (std::get<1>(key) != nullptr) names.insert(std::get<2>(key));
  }
  return {names.begin(), names.end()};
}

Variable SlotVariables::get_or_make_scalar(Graph& graph, const std::string& name, const Array& initial_value,
                                           const SourceLocation& where) {
  Key key{graph.id(), nullptr, name};
  if (Variable existing = find(key)) return existing;
  Variable made = make_root_variable(graph, name, initial_value.shape(), initial_value.dtype(),
                                     Initializer(initial_value), where);
  keep(std::move(key), made);
  return made;
}

std::vector<Variable> SlotVariables::variables(const Graph& graph) const {
  std::vector<Variable> found;
  for (const auto& [id, variable] : in_order_) {
    if (id == graph.id()) found.push_back(variable);
  }
  return found;
}

}  // namespace varscope::detail
