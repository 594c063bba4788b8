// SPDX-License-Identifier: Apache-2.0
// init_from_checkpoint(): variables that start with values from a checkpoint (TensorFlow's
// tf.train.init_from_checkpoint; SEMANTICS 2.6).
#pragma once

#include <varscope/export.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace varscope {

/// What the current graph has for an entry of an AssignmentMap: a variable, parts of a partitioned one, or a
/// name. A value.
class VariableOrName {
 public:
  VariableOrName(std::string name) : target_(std::move(name)) {}       // NOLINT(google-explicit-constructor)
  VariableOrName(const char* name) : target_(std::string(name)) {}     // NOLINT(google-explicit-constructor)
  VariableOrName(Variable variable) : target_(std::move(variable)) {}  // NOLINT(google-explicit-constructor)
  VariableOrName(std::vector<Variable> parts)                          // NOLINT(google-explicit-constructor)
      : target_(std::move(parts)) {}
  VariableOrName(std::initializer_list<Variable> parts) : target_(std::vector<Variable>(parts)) {}

  const std::variant<std::string, Variable, std::vector<Variable>>& target() const noexcept {
    return target_;
  }

 private:
  std::variant<std::string, Variable, std::vector<Variable>> target_;
};

/// Pairs of what a checkpoint has and what the current graph has:
///
///   {"a/w", variable}           this tensor into that variable, whole or partitioned
///   {"a/w", {part_0, part_1}}   the slices of it into these parts of one partitioned variable
///   {"a/w", "b/w"}              the same for the shared variable of that full name
///   {"a/", "b/"}                each shared variable below "b/" from the tensor of that name below "a/"
///   {"/", "b/"}, {"a/", "/"}    the same, where "/" is the root
///
/// One tensor may go into several variables.
using AssignmentMap = std::vector<std::pair<std::string, VariableOrName>>;

/// Makes variables start with values from a checkpoint instead of what their initializers make: on first use
/// or when their initializer() runs, in any session; values that are there already stay. `path` as for
/// Saver::restore(): a checkpoint, or a directory for its latest one.
///
/// The file is opened and verified now, and every name, shape and dtype compared; nothing is converted. The
/// data is read, and its checksum compared, each time a variable is initialized: then DataLossError comes out
/// of the Session's call. Each part of a partitioned variable reads the whole tensor. The file stays open as
/// long as the graph is there, and can be read also after a save has replaced it or removed its name.
///
/// All variables of the map get their new initializers at once, as by set_initializers(). Throws ValueError,
/// with all that is wrong, for a path where there is no checkpoint; a tensor that is not in the checkpoint,
/// or of another shape or dtype; a name that no shared variable has, and a scope with none below (nothing is
/// guessed: "b/typo" is refused); a scope on one side only; parts of different variables; a variable that two
/// entries name; an empty map; a variable of another graph. TypeError for a variable that a custom getter
/// computed, and what CheckpointReader throws for a file that is damaged or no checkpoint. Then no variable
/// has a new initializer. Thread-safe.
VARSCOPE_API void init_from_checkpoint(const std::string& path, const AssignmentMap& assignment_map,
                                       Graph& graph = get_default_graph());

}  // namespace varscope
