// SPDX-License-Identifier: Apache-2.0
#include "scope/create_variable.hpp"

#include "graph/graph_state.hpp"
#include "scope/define_variable.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <memory>

namespace varscope {

namespace detail {

namespace {

/// Calls the creator number `depth` - 1 of those in force, which calls the next outer one.
Variable call_creator(const std::vector<VariableCreator>& creators, std::size_t depth,
                      const NextVariableCreator& make, VariableCreatorArguments arguments) {
  if (depth == 0) return make(std::move(arguments));
  const NextVariableCreator next = [&creators, depth, &make](VariableCreatorArguments inner) {
    return call_creator(creators, depth - 1, make, std::move(inner));
  };
  return creators[depth - 1](next, std::move(arguments));
}

}  // namespace

VariableRecord& create_variable(GraphState& graph, ScopeStack& stack, VariableCreatorArguments arguments) {
  // As for any name scope, a final "/" means literally that name.
  const bool literally = arguments.name.ends_with('/');
  std::string name = literally ? std::move(arguments.name) : stack.qualify(arguments.name);
  require_variable_name(name, arguments.where);
  graph.require_not_finalized(describe_request(name, arguments.where));
  VariableRecord& record = graph.adopt(std::make_unique<VariableRecord>(
      graph, define_variable(graph, {std::move(name), std::move(arguments.shape), arguments.dtype,
                                     std::move(arguments.initializer), arguments.trainable, arguments.where,
                                     std::move(arguments.collections), std::move(arguments.constraint)})));
  record.complete();
  return record;
}

VariableRecord& create_variable_by_creators(GraphState& graph, ScopeStack& stack,
                                            VariableCreatorArguments arguments,
                                            std::string_view name_if_empty) {
  const std::string asked = describe_request(arguments.name, arguments.where);
  const NextVariableCreator make = [&](VariableCreatorArguments inner) {
    if (inner.name.empty()) inner.name = name_if_empty;
    return Variable(create_variable(graph, stack, std::move(inner)));
  };
  // A copy: a creator may open and leave scopes of its own.
  const std::vector<VariableCreator> creators = stack.creators();
  const Variable made = call_creator(creators, creators.size(), make, std::move(arguments));
  if (made.record() == nullptr || &made.record()->graph() != &graph) {
    throw ValueError(asked + ": a variable creator gave " +
                     (made ? "'" + made.name() + "', which is not a single variable of this graph"
                           : std::string("a Variable that refers to nothing")) +
                     ". Give what the next creator gave, or another variable");
  }
  // The record came from a creator's hands through a handle, which only reads.
  return const_cast<VariableRecord&>(*made.record());
}

}  // namespace detail

VariableCreatorScopeGuard variable_creator_scope(VariableCreator creator) {
  if (!creator) throw TypeError("variable_creator_scope() needs a creator; the one given is empty");
  detail::ScopeStack& stack = detail::current_scope_stack();
  return {stack, stack.enter_creator(std::move(creator))};
}

VariableCreatorScopeGuard::~VariableCreatorScopeGuard() {
  stack_->leave_creator(depth_);
}

}  // namespace varscope
