// SPDX-License-Identifier: Apache-2.0
// What a new variable will be: everything that may be wrong with it is found here, before anything is made.
#pragma once

#include "scope/variable_record.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// A wish for a variable; an empty initializer means the default of the dtype.
struct VariableWish {
  std::string key;  // full name; a final "/" names the operation literally
  std::optional<Shape> shape;
  DType dtype = DType::float32;  // gives way to that of an initial value
  Initializer initializer;
  bool trainable = true;
  SourceLocation where;
  std::optional<std::vector<std::string>> collections;  // unset: "variables"
  Constraint constraint;
};

/// "variable conv1/weights (asked for at model.cpp:12)", for messages.
std::string describe_request(std::string_view key, const SourceLocation& where);

/// Throws ValueError if the key is not a valid name.
void require_variable_name(std::string_view key, const SourceLocation& where);

/// Chooses initializer, shape, dtype and seeds (SEMANTICS M). Throws ValueError or TypeError if the shape is
/// not fully known, disagrees with an initial value or is not what the initializer can make, and if an
/// operation of the variable's name exists that did not reserve it.
VariableRecord::Definition define_variable(GraphState& graph, VariableWish wish);

}  // namespace varscope::detail
