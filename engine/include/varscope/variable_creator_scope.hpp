// SPDX-License-Identifier: Apache-2.0
// Variable creator scopes: functions of the caller's that stand between whoever makes a variable and the
// variable (TensorFlow's variable_creator_scope). A custom getter sees every get_variable(), also one that
// shares; a creator sees every variable that is really made, also one made by Variable's constructor.
#pragma once

#include <varscope/constraint.hpp>
#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/initializer.hpp>
#include <varscope/shape.hpp>
#include <varscope/shared_function.hpp>
#include <varscope/source_location.hpp>
#include <varscope/variable.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace varscope {

namespace detail {
class ScopeStack;
}

/// What the new variable will be. A creator may change any of it before it calls the next one.
struct VariableCreatorArguments {
  /// Below the current name scope, made unique: of get_variable() the full name (the name scope is then at
  /// the root), of Variable's constructor the name that it was given, empty if none was.
  std::string name;
  /// Unset: that of an initial value.
  std::optional<Shape> shape;
  /// Gives way to that of an initial value.
  DType dtype = DType::float32;
  /// Empty: the default of the dtype.
  Initializer initializer = {};
  bool trainable = true;
  /// Unset: "variables".
  std::optional<std::vector<std::string>> collections = std::nullopt;
  Constraint constraint = {};
  SourceLocation where = {};
};

/// The next creator: that of an outer scope, or what makes variables, which throws what Variable's
/// constructor throws. Each call of the latter makes one more variable.
using NextVariableCreator = std::function<Variable(VariableCreatorArguments)>;

/// Called once for every variable that is made, each part of a partitioned one by itself. What it returns
/// takes the place of the variable: get_variable() keeps it under the path that was asked for, whatever it is
/// called, and shares it from then on. It must be a single variable of the same graph (else ValueError), new
/// or not. Of several threads that make one path under creators, each runs its own; exactly one result is
/// kept, and what the other creators made stays in the graph like variables that nobody shares.
class VariableCreator : public SharedFunction<Variable(const NextVariableCreator& next_creator,
                                                       VariableCreatorArguments arguments)> {
 public:
  using SharedFunction::SharedFunction;
};

/// An open variable creator scope: entered when made, left when destroyed, in the thread that made it.
class VARSCOPE_API VariableCreatorScopeGuard {
 public:
  VariableCreatorScopeGuard(const VariableCreatorScopeGuard&) = delete;
  VariableCreatorScopeGuard& operator=(const VariableCreatorScopeGuard&) = delete;
  /// noexcept; in debug builds an assertion fails if the guard is destroyed in another thread or out of
  /// order, else the former does nothing and the latter leaves the inner scopes too.
  ~VariableCreatorScopeGuard();

 private:
  friend VARSCOPE_API VariableCreatorScopeGuard variable_creator_scope(VariableCreator creator);
  VariableCreatorScopeGuard(detail::ScopeStack& stack, std::size_t depth) noexcept
      : stack_(&stack), depth_(depth) {}

  detail::ScopeStack* stack_;
  std::size_t depth_;
};

/// From here to the end of the guard, `creator` is called for every variable that this thread makes in the
/// default graph; the innermost scope's first, and what it calls is the next outer one's (SEMANTICS U3). New
/// threads start without creators. Throws TypeError for an empty creator. Lock-free.
[[nodiscard]] VARSCOPE_API VariableCreatorScopeGuard variable_creator_scope(VariableCreator creator);

}  // namespace varscope
