// SPDX-License-Identifier: Apache-2.0
// Custom getters: functions of the caller's that stand between get_variable() and the variables.
#pragma once

#include <varscope/constraint.hpp>
#include <varscope/dtype.hpp>
#include <varscope/initializer.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/regularizer.hpp>
#include <varscope/reuse.hpp>
#include <varscope/shape.hpp>
#include <varscope/shared_function.hpp>
#include <varscope/source_location.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace varscope {

class Variable;

/// What a getter is asked for: what get_variable() was told, completed by the scope (SEMANTICS Q1). A getter
/// may change any of it before it calls the next one.
struct GetterArguments {
  std::string name;  ///< the full name, scope included
  std::optional<Shape> shape;
  DType dtype = DType::float32;
  Initializer initializer = {};
  Regularizer regularizer = {};
  Reuse reuse = false;
  bool trainable = true;
  /// Unset: "variables".
  std::optional<std::vector<std::string>> collections = std::nullopt;
  Partitioner partitioner = {};
  Constraint constraint = {};
  SourceLocation where = {};
};

/// The next getter: a custom one of an outer scope, or what makes and finds variables.
using VariableGetter = std::function<Variable(GetterArguments)>;

/// Called for every get_variable(), whether it makes or finds, with the name scope at the root. What it
/// returns is what the caller gets: a variable of `getter`, or one computed from several (a Variable can be
/// made from a Tensor); only what `getter` makes is kept. Getters of nested scopes chain, the innermost is
/// called first; one given to get_variable() itself replaces the chain (SEMANTICS Q2 to Q4).
class CustomGetter
    : public SharedFunction<Variable(const VariableGetter& getter, GetterArguments arguments)> {
 public:
  using SharedFunction::SharedFunction;
};

}  // namespace varscope
