// SPDX-License-Identifier: Apache-2.0
// Which variable a Saver keeps under which key (SEMANTICS SV1 to SV7).
#pragma once

#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace varscope::io {

/// One tensor of a checkpoint and the variable behind it, which may be partitioned.
struct Binding {
  std::string key;  ///< the tensor's name in the file
  Variable variable;
};

/// Its op name, "conv1/weights"; of a partitioned variable the full name. Thread-safe.
std::string saved_name(const Variable& variable);

// All that follow give bindings sorted by key, and are thread-safe.

/// All of these, the global variables of a graph, a partitioned variable in place of its parts. Throws
/// ValueError if two have one name.
std::vector<Binding> bind_global(std::span<const Variable> variables);

/// Those of a list. Throws ValueError for an element that refers to nothing, two of one name, or some but not
/// all parts of a partitioned variable; TypeError for a computed one.
std::vector<Binding> bind_by_name(std::span<const Variable> variables);

/// Those of a map. Throws ValueError for an empty key, one that comes twice, or one variable (or part of one)
/// under two keys; otherwise as bind_by_name().
std::vector<Binding> bind_by_map(std::span<const std::pair<const std::string, Variable>> variables);

}  // namespace varscope::io
