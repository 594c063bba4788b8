// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/variable_record.hpp"

#include <varscope/collection.hpp>
#include <varscope/error.hpp>
#include <varscope/global_step.hpp>
#include <varscope/graph.hpp>

#include <variant>

namespace varscope {

namespace {

Variable require_step(const Variable& variable) {
  const DType dtype = variable.dtype();
  if ((dtype == DType::int32 || dtype == DType::int64) && variable.shape() == Shape{}) return variable;
  throw TypeError("the global step " + variable.name() + " (made at " + to_string(variable.where()) +
                  ") is " + std::string(dtype_name(dtype)) + variable.shape().to_string() +
                  ", but must be an integer scalar");
}

}  // namespace

Variable get_global_step() {
  Graph& graph = get_default_graph();
  const std::vector<CollectionItem> steps = graph.get_collection(GraphKeys::GLOBAL_STEP);
  if (steps.size() > 1) {
    throw ValueError("the collection 'global_step' has " + std::to_string(steps.size()) +
                     " items, the first two '" + steps[0].name() + "' and '" + steps[1].name() +
                     "'; there must be one");
  }
  if (steps.size() == 1) {
    if (const auto* const variable = std::get_if<Variable>(&steps[0].value())) return require_step(*variable);
    throw TypeError("the global step '" + steps[0].name() +
                    "' in the collection 'global_step' is no variable");
  }
  const detail::OperationNode* const named = graph.state().find_operation("global_step");
  if (named == nullptr || named->definition()->role() != detail::OpRole::variable) return {};
  return require_step(Variable(*named->definition()->variable()));
}

Variable create_global_step(SourceLocation where) {
  if (const Variable existing = get_global_step()) {
    throw ValueError("create_global_step() at " + to_string(where) + ": the graph has the global step " +
                     existing.name() + " already, made at " + to_string(existing.where()));
  }
  GetVariableOptions options;
  options.dtype = DType::int64;
  options.initializer = zeros_initializer();
  options.trainable = false;
  options.collections = {std::string(GraphKeys::GLOBAL_VARIABLES), std::string(GraphKeys::GLOBAL_STEP)};
  return get_variable(GraphKeys::GLOBAL_STEP, Shape{}, std::move(options), where);
}

Variable get_or_create_global_step(SourceLocation where) {
  const Variable existing = get_global_step();
  return existing ? existing : create_global_step(where);
}

}  // namespace varscope
