// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/scope_stack.hpp"
#include "scope/variable_store.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/partitioned_variables.hpp>
#include <varscope/variable_scope.hpp>

namespace varscope {

namespace {

constexpr std::string_view kDefaultName = "PartitionedVariable";

VariableScopeGuard open_scope(const CreatePartitionedVariablesOptions& options, const SourceLocation& where) {
  if (!options.name.empty()) return variable_scope(options.name, {.reuse = options.reuse}, where);
  return variable_scope(std::nullopt, {.default_name = std::string(kDefaultName), .reuse = options.reuse},
                        where);
}

}  // namespace

std::vector<Variable> create_partitioned_variables(Shape shape, std::vector<std::int64_t> slicing,
                                                   Initializer initializer,
                                                   CreatePartitionedVariablesOptions options,
                                                   SourceLocation where) {
  const auto refuse = [&](const std::string& what) {
    throw ValueError("create_partitioned_variables() at " + to_string(where) + ": " + what);
  };
  if (!shape.has_rank() || slicing.size() != static_cast<std::size_t>(shape.rank())) {
    refuse("the slicing has " + std::to_string(slicing.size()) +
           " numbers, but there must be one for each axis of the shape " + shape.to_string());
  }
  if (slicing.empty()) refuse("a scalar cannot be cut");
  const VariableScopeGuard guard = open_scope(options, where);
  const VariableScope& scope = guard.scope();
  if (scope.custom_getter()) {
    refuse("the scope " + scope.name() + " has a custom getter, which cannot stand between; use " +
           "get_variable() with a partitioner");
  }
  GetterArguments arguments;
  arguments.shape = std::move(shape);
  arguments.dtype = options.dtype;
  arguments.initializer = initializer ? std::move(initializer) : scope.initializer();
  arguments.regularizer = scope.regularizer();
  arguments.reuse = scope.reuse();
  arguments.trainable = options.trainable;
  arguments.collections = std::move(options.collections);
  arguments.partitioner = [&slicing](const Shape&, DType) { return slicing; };
  arguments.constraint = scope.constraint();
  arguments.where = where;
  detail::GraphState& graph = get_default_graph().state();
  const detail::RootNameScope at_root(detail::scope_stack(graph));
  return detail::VariableStore(graph).get(detail::Path(scope.name()), std::move(arguments)).partitions();
}

}  // namespace varscope
