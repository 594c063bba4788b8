// SPDX-License-Identifier: Apache-2.0
#include "runtime/collect_operations.hpp"

#include "scope/variable_record.hpp"

#include <varscope/error.hpp>

#include <algorithm>

namespace varscope::detail {

OperationCollector::OperationCollector(const PlanRequest& request) : request_(request) {
  for (std::size_t i = 0; i < request.feeds.size(); ++i) add_feed(i);
  for (const Fetch& fetch : request.fetches) visit(fetch.op().node(), fetch.tensor());
  for (const Fetch& fetch : request.fetches) {
    if (!fetch.tensor()) {
      fetched_.emplace_back(std::nullopt);
      continue;
    }
    const std::size_t value = value_of(fetch.tensor());
    graph_.values[value].fetched = true;
    fetched_.emplace_back(value);
  }
  for (const VariableRecord* record : assigned_) {
    require_not_initialized_too(*record);
    const std::size_t value = assigned_values_.at(record);
    graph_.values[value].fetched = true;
    fetched_.emplace_back(value);
  }
  for (const GraphOperation& operation : graph_.operations) {
    for (std::size_t input : operation.inputs) ++graph_.values[input].uses;
  }
  remove_unneeded();
}

void OperationCollector::add_feed(std::size_t index) {
  const Tensor& tensor = request_.feeds[index];
  const Array& value = request_.feed_values[index];
  if (tensor.dtype() != value.dtype() || !tensor.shape().compatible_with(value.shape())) {
    throw InvalidArgumentError("the value fed for " + tensor.name() + " is " + value.description() +
                               ", but " + describe(*tensor.node()) + " needs " +
                               std::string(dtype_name(tensor.dtype())) + tensor.shape().to_string());
  }
  if (values_.contains(tensor)) throw InvalidArgumentError(tensor.name() + " is fed twice; feed it once");
  add_value(tensor, {.spec = {value.dtype(), value.shape()}, .source = ValueSource::feed, .index = index});
}

std::size_t OperationCollector::add_value(const Tensor& tensor, GraphValue value) {
  const std::size_t index = graph_.values.size();
  graph_.values.push_back(std::move(value));
  values_.emplace(tensor, index);
  return index;
}

std::size_t OperationCollector::value_of(const Tensor& tensor) const {
  const auto found = values_.find(tensor);
  if (found == values_.end()) {
    throw InvalidArgumentError(tensor.name() +
                               " has no value that a run could compute: fetch the operation " +
                               describe(*tensor.node()) + " instead, or the variable");
  }
  return found->second;
}

namespace {

/// How many inputs are variables as assignments before it have made them: they are not needed here, and what
/// is assigned to may never have had a value.
std::size_t num_variable_inputs(const OperationNode& node) noexcept {
  const OpDefinition& definition = *node.definition();
  if (definition.role() == OpRole::assign_update) return definition.variables().size();
  return definition.role() == OpRole::assign ? 1 : 0;
}

}  // namespace

/// Visits everything that `root` needs before `root` itself, without recursion: graphs can be deep.
void OperationCollector::visit(const OperationNode* root, const Tensor& wanted) {
  struct Pending {
    const OperationNode* node;
    bool inputs_visited;
  };
  if (wanted && values_.contains(wanted)) return;  // fed
  std::vector<Pending> pending{{root, false}};
  while (!pending.empty()) {
    const auto [node, inputs_visited] = pending.back();
    pending.pop_back();
    if (visited_.contains(node)) continue;
    if (inputs_visited) {
      visited_.insert(node);
      add_operation(*node);
      continue;
    }
    pending.push_back({node, true});
    if (node->definition()->role() == OpRole::assign_initial) continue;
    // The last one first: what is pending is taken from the end.
    const std::vector<Tensor>& inputs = node->inputs();
    for (std::size_t input = inputs.size(); input-- > num_variable_inputs(*node);) {
      if (!values_.contains(inputs[input])) pending.push_back({inputs[input].node(), false});
    }
    const std::vector<Operation>& controls = node->control_inputs();
    for (std::size_t i = controls.size(); i-- > 0;) pending.push_back({controls[i].node(), false});
  }
}

void OperationCollector::add_operation(const OperationNode& node) {
  const OpDefinition& definition = *node.definition();
  switch (definition.role()) {
    case OpRole::placeholder:
      throw InvalidArgumentError("no value was fed for the placeholder " + describe(node) + "; it needs " +
                                 std::string(dtype_name(node.outputs()[0].dtype)) +
                                 node.outputs()[0].shape.to_string() + ": add it to the feeds of this run");
    case OpRole::constant: {
      const Array& value = *definition.constant_value();
      add_value({&node, 0}, {.spec = {value.dtype(), value.shape()},
                             .source = ValueSource::constant,
                             .index = graph_.constants.size()});
      graph_.constants.push_back(value);
      return;
    }
    case OpRole::variable:
    case OpRole::variable_read: {
      const VariableRecord& record = *definition.variable();
      add_value({&node, 0}, {.spec = {record.dtype(), record.shape()},
                             .source = ValueSource::variable,
                             .index = variable_index(record)});
      return;
    }
    case OpRole::assign_initial:
      assigned_initials_.push_back(definition.variable());
      return;
    case OpRole::initial_value:
    case OpRole::no_op:
      return;
    case OpRole::assign:
      add_assignment(node);
      return;
    case OpRole::assign_update:
      add_update(node);
      return;
    case OpRole::compute: {
      std::vector<std::size_t> inputs;
      for (const Tensor& input : node.inputs()) inputs.push_back(value_of(input));
      add_computation(node, std::move(inputs));
      return;
    }
  }
}

/// The variable gets the value as it is: nothing is to be computed.
void OperationCollector::add_assignment(const OperationNode& node) {
  const VariableRecord& record = *node.definition()->variable();
  const std::size_t value = value_of(node.inputs()[1]);
  (void)infer(node, {{record.dtype(), record.shape()}, graph_.values[value].spec});
  values_.try_emplace(Tensor(&node, 0), value);  // if it is fed, whoever uses it gets what is fed
  set_assigned(record, value);
}

void OperationCollector::add_update(const OperationNode& node) {
  const std::span<const VariableRecord* const> variables = node.definition()->variables();
  std::vector<std::size_t> inputs;
  for (const VariableRecord* record : variables) inputs.push_back(current_value(*record));
  for (std::size_t i = variables.size(); i < node.inputs().size(); ++i) {
    inputs.push_back(value_of(node.inputs()[i]));
  }
  add_computation(node, std::move(inputs));
  const std::vector<std::size_t>& outputs = graph_.operations.back().outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) set_assigned(*variables[i], outputs[i]);
}

/// What the assignments before the one that is being added have made of the variable.
std::size_t OperationCollector::current_value(const VariableRecord& record) {
  const auto assigned = assigned_values_.find(&record);
  if (assigned != assigned_values_.end()) return assigned->second;
  const Tensor variable(&record.node(), 0);
  if (!values_.contains(variable)) add_operation(record.node());
  return value_of(variable);
}

void OperationCollector::set_assigned(const VariableRecord& record, std::size_t value) {
  if (assigned_values_.insert_or_assign(&record, value).second) assigned_.push_back(&record);
}

void OperationCollector::require_not_initialized_too(const VariableRecord& record) const {
  if (std::find(assigned_initials_.begin(), assigned_initials_.end(), &record) == assigned_initials_.end())
    return;
  throw InvalidArgumentError("this run would both initialize variable " + record.op_name() + " (made at " +
                             to_string(record.where()) +
                             ") and assign it, and nothing says which comes first; use two runs");
}

std::size_t OperationCollector::variable_index(const VariableRecord& record) {
  const auto [found, is_new] = variable_indices_.try_emplace(&record, variables_.size());
  if (is_new) variables_.push_back(&record);
  return found->second;
}

std::vector<TensorSpec> OperationCollector::infer(const OperationNode& node,
                                                  const std::vector<TensorSpec>& inputs) {
  try {
    return node.definition()->infer(inputs);
  } catch (const Error& error) {
    throw InvalidArgumentError("with the shapes that were fed, operation " + describe(node) +
                               " cannot be computed: " + error.what());
  }
}

void OperationCollector::use_known_shapes(GraphOperation& operation) {
  std::optional<ShapedOperation> shaped =
      operation.definition->with_known_shapes(graph_.specs_of(operation.inputs));
  if (!shaped) return;
  operation.definition = std::move(shaped->definition);
  const auto rest = operation.inputs.begin() + static_cast<std::ptrdiff_t>(shaped->inputs);
  given_up_.insert(given_up_.end(), rest, operation.inputs.end());
  operation.inputs.erase(rest, operation.inputs.end());
}

/// Removes what was collected only for the shape that it gives.
void OperationCollector::remove_unneeded() {
  if (given_up_.empty()) return;
  std::unordered_map<std::size_t, GraphOperation*> producers;
  for (GraphOperation& operation : graph_.operations) {
    for (std::size_t output : operation.outputs) producers.emplace(output, &operation);
  }
  const auto unneeded = [&](std::size_t value) {
    return graph_.values[value].uses == 0 && !graph_.values[value].fetched;
  };
  std::vector<std::size_t>& pending = given_up_;
  while (!pending.empty()) {
    const auto producer = producers.find(pending.back());
    pending.pop_back();
    if (producer == producers.end() || producer->second->removed) continue;
    GraphOperation& operation = *producer->second;
    if (!std::all_of(operation.outputs.begin(), operation.outputs.end(), unneeded)) continue;
    operation.removed = true;
    for (std::size_t input : operation.inputs) {
      if (--graph_.values[input].uses == 0) pending.push_back(input);
    }
  }
}

void OperationCollector::add_computation(const OperationNode& node, std::vector<std::size_t> inputs) {
  GraphOperation operation{.node = &node, .definition = node.definition(), .inputs = std::move(inputs)};
  std::vector<TensorSpec> outputs = infer(node, graph_.specs_of(operation.inputs));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].shape.fully_known()) {
      throw InvalidArgumentError("operation " + describe(node) + " has the shape " +
                                 outputs[i].shape.to_string() +
                                 " even with all feeds known; give its inputs full shapes");
    }
    const Tensor tensor(&node, static_cast<int>(i));
    // An output that is fed keeps the fed value; the operation writes beside it.
    if (values_.contains(tensor)) {
      operation.outputs.push_back(graph_.values.size());
      graph_.values.push_back({.spec = std::move(outputs[i])});
    } else {
      operation.outputs.push_back(add_value(tensor, {.spec = std::move(outputs[i])}));
    }
  }
  use_known_shapes(operation);
  stateful_ = stateful_ || node.definition()->stateful();
  graph_.operations.push_back(std::move(operation));
}

}  // namespace varscope::detail
