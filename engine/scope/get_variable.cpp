// SPDX-License-Identifier: Apache-2.0
// get_variable(): completes what it was told from the scope, and goes through the custom getters, if there
// are any, to the store.
#include "graph/graph_state.hpp"
#include "scope/initializer_body.hpp"
#include "scope/scope_stack.hpp"
#include "scope/variable_store.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

namespace varscope::detail {

namespace {

/// M8: comes before the scope's defaults are looked at, so that a scope's dtype conflicts with no value.
void require_matching_value(const Path& path, const GetVariableOptions& options,
                            const SourceLocation& where) {
  if (!options.dtype.has_value() || !options.initializer.is_value()) return;
  const DType of_value = options.initializer.body()->value()->dtype();
  if (of_value == *options.dtype) return;
  throw ValueError(describe_request(path.to_string(), where) +
                   ": the initial value's dtype and the explicit dtype don't match: " +
                   std::string(dtype_name(of_value)) + " and " + std::string(dtype_name(*options.dtype)));
}

}  // namespace

Variable get_variable(std::string_view name, std::optional<Shape> shape, GetVariableOptions options,
                      SourceLocation where) {
  GraphState& graph = get_default_graph().state();
  ScopeStack& stack = scope_stack(graph);
  const VariableScope& scope = stack.variable_scope();
  const Path path(scope.name(), PathHash::from_state(scope.name_hash()), name);
  require_matching_value(path, options, where);

  GetterArguments arguments;
  arguments.shape = std::move(shape);
  arguments.dtype = options.dtype.value_or(scope.dtype());
  arguments.initializer = options.initializer ? std::move(options.initializer) : scope.initializer();
  arguments.regularizer = options.regularizer ? std::move(options.regularizer) : scope.regularizer();
  arguments.reuse = scope.reuse();
  arguments.trainable = options.trainable;
  arguments.collections = std::move(options.collections);
  arguments.partitioner = options.partitioner ? std::move(options.partitioner) : scope.partitioner();
  arguments.constraint = options.constraint ? std::move(options.constraint) : scope.constraint();
  arguments.where = where;

  const RootNameScope at_root(stack);
  const CustomGetter getter = options.custom_getter ? options.custom_getter : scope.custom_getter();
  if (!getter) return VariableStore(graph).get(path, std::move(arguments));
  arguments.name = path.to_string();
  const VariableGetter store = [&graph](GetterArguments inner) {
    const std::string full_name = inner.name;
    return VariableStore(graph).get(Path(full_name), std::move(inner));
  };
  return getter(store, std::move(arguments));
}

Variable get_local_variable(std::string_view name, std::optional<Shape> shape, GetVariableOptions options,
                            SourceLocation where) {
  options.trainable = false;
  if (!options.collections.has_value()) options.collections.emplace();
  options.collections->emplace_back(GraphKeys::LOCAL_VARIABLES);
  return get_variable(name, std::move(shape), std::move(options), where);
}

}  // namespace varscope::detail

namespace varscope {

Variable get_variable(std::string_view name, Shape shape, GetVariableOptions options, SourceLocation where) {
  return detail::get_variable(name, std::optional<Shape>(std::move(shape)), std::move(options), where);
}

Variable get_local_variable(std::string_view name, Shape shape, GetVariableOptions options,
                            SourceLocation where) {
  return detail::get_local_variable(name, std::optional<Shape>(std::move(shape)), std::move(options), where);
}

}  // namespace varscope
