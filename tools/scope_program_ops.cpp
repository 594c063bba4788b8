// SPDX-License-Identifier: Apache-2.0
// The statements of a scope program that make operations and run them.
#include "scope_program_runner.hpp"
#include "scope_program_values.hpp"
#include "text_table.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/state_ops.hpp>

#include <algorithm>

namespace varscope::tools {

namespace {

// The operator, which an op without a name is written with.
Tensor sum(const std::variant<Tensor, Variable>& x, const TensorLike& y, SourceLocation place) {
  return std::visit([&](const auto& operand) { return detail::TensorOperand(operand, place) + y; }, x);
}

}  // namespace

void ScopeProgramRunner::run_op(const ScopeStatement& statement) {
  if (statement.name.ends_with("_initializer")) return run_initializer_op(statement);
  std::vector<std::variant<Tensor, Variable>> arguments;
  for (const std::string& name : statement.arguments) {
    if (const auto* variable = find<Variable>(name)) {
      arguments.emplace_back(*variable);
    } else if (const auto* tensor = find<Tensor>(name)) {
      arguments.emplace_back(*tensor);
    } else {
      return print("skipped");
    }
  }
  const bool assigns = statement.name.starts_with("assign");
  if (assigns && !std::holds_alternative<Variable>(arguments[0])) return print("skipped");
  const SourceLocation place = where(statement);
  const std::string& name = statement.options.name;
  const auto argument = [&](std::size_t index) {
    return std::visit([&](const auto& value) { return TensorLike(value, place); }, arguments[index]);
  };
  attempt([&] {
    Tensor output;
    if (statement.name == "constant") {
      output = constant(1.0F, {.name = name}, place);
    } else if (statement.name == "placeholder") {
      output = placeholder(Shape::unknown(), {.name = name}, place);
    } else if (statement.name == "identity") {
      output = identity(argument(0), name, place);
    } else if (statement.name == "add") {
      output =
          name.empty() ? sum(arguments[0], argument(1), place) : add(argument(0), argument(1), name, place);
    } else if (statement.name == "relu") {
      output = relu(argument(0), name, place);
    } else if (statement.name == "matmul") {
      output = matmul(argument(0), argument(1), {.name = name}, place);
    } else if (statement.name == "conv2d") {
      output = conv2d(argument(0), argument(1), {.name = name}, place);
    } else if (statement.name == "bias_add") {
      output = bias_add(argument(0), argument(1), name, place);
    } else if (assigns) {
      const auto make = statement.name == "assign"       ? assign
                        : statement.name == "assign_add" ? assign_add
                                                         : assign_sub;
      output = make(std::get<Variable>(arguments[0]), argument(1), name, place);
    } else {
      output = max_pool(argument(0), {.padding = Padding::same, .name = name}, place);
    }
    print("op " + output.op().name());
    define(statement.options.as, output);
  });
}

void ScopeProgramRunner::run_initializer_op(const ScopeStatement& statement) {
  attempt([&] {
    const SourceLocation place = where(statement);
    const Operation init = statement.name == "global_variables_initializer"
                               ? global_variables_initializer(place)
                               : local_variables_initializer(place);
    print("op " + init.name());
    define(statement.options.as, init);
  });
}

void ScopeProgramRunner::run_run(const ScopeStatement& statement) {
  const auto* tensor = find<Tensor>(statement.name);
  const auto* operation = find<Operation>(statement.name);
  if (tensor == nullptr && operation == nullptr) return print("skipped");
  attempt([&] {
    if (operation != nullptr) {
      session_of(operation->graph()).run(*operation);
      return print("ran");
    }
    print("result " + formatted("%.6g", first_element(session_of(tensor->graph()).run(*tensor))));
  });
}

void ScopeProgramRunner::run_value(const ScopeStatement& statement) {
  const auto* variable = find<Variable>(statement.name);
  if (variable == nullptr) return print("skipped");
  attempt([&] {
    // Of a partitioned variable its first part: reading the whole would add operations to the graph.
    const Variable part = variable->is_partitioned() ? variable->partitions().front() : *variable;
    print("value " + formatted("%.6g", first_element(session_of(part.graph()).read({part}).front())));
  });
}

Session& ScopeProgramRunner::session_of(const Graph& graph) {
  const auto found = std::find_if(graphs_.begin(), graphs_.end(), [&](const GraphOfProgram& candidate) {
    return &candidate.graph == &graph;
  });
  if (found->session == nullptr) found->session = std::make_unique<Session>(found->graph);
  return *found->session;
}

}  // namespace varscope::tools
