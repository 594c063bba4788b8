// SPDX-License-Identifier: Apache-2.0
// In three steps: which variables get which tensors, whether they fit, and one commit of new initializers.
#include "checkpoint_state.hpp"
#include "name_hints.hpp"
#include "saver_bindings.hpp"

#include <varscope/checkpoint.hpp>
#include <varscope/error.hpp>
#include <varscope/init_from_checkpoint.hpp>
#include <varscope/partitioned_values.hpp>
#include <varscope/shared_variables.hpp>

#include <map>
#include <string_view>

namespace varscope {

namespace {

/// A variable, single or a part or partitioned, and the tensor that it starts with.
struct Assignment {
  std::string tensor;
  Variable variable;
};

std::string describe(const Variable& variable) {
  return "the variable '" + io::saved_name(variable) + "' (made at " + to_string(variable.where()) + ")";
}

/// Collects what is wrong, so that one error tells all of it.
class Problems {
 public:
  void add(const std::string& line) { lines_ += "\n  " + line; }

  void refuse(const std::string& path) const {
    if (lines_.empty()) return;
    throw ValueError("cannot initialize variables from the checkpoint '" + path +
                     "', and none has been changed:" + lines_);
  }

 private:
  std::string lines_;
};

/// The first step.
class AssignmentList {
 public:
  AssignmentList(const Graph& graph, Problems& problems) : graph_(graph), problems_(problems) {}

  void add(const std::string& tensor, const VariableOrName& current) {
    if (tensor.empty()) {
      problems_.add("a name on the checkpoint's side is empty; the root is \"/\"");
    } else if (const auto* const name = std::get_if<std::string>(&current.target())) {
      add_name(tensor, *name);
    } else if (const auto* const variable = std::get_if<Variable>(&current.target())) {
      add_variable(tensor, *variable);
    } else {
      add_parts(tensor, std::get<std::vector<Variable>>(current.target()));
    }
  }

  const std::vector<Assignment>& assignments() const noexcept { return assignments_; }

 private:
  void add_variable(const std::string& tensor, const Variable& variable) {
    if (!variable) {
      problems_.add("'" + tensor + "' is given a Variable that refers to nothing");
      return;
    }
    if (variable.record() == nullptr && !variable.is_partitioned()) {
      throw TypeError("cannot initialize '" + variable.name() + "' from the tensor '" + tensor +
                      "': a custom getter computed it; give the variables that it was computed from");
    }
    if (&variable.graph() != &graph_) {
      problems_.add(describe(variable) + " is of another graph");
      return;
    }
    assignments_.push_back({tensor, variable});
  }

  void add_parts(const std::string& tensor, const std::vector<Variable>& parts) {
    if (parts.empty()) problems_.add("'" + tensor + "' is given an empty list of variables");
    if (parts.size() == 1) return add_variable(tensor, parts.front());
    for (const Variable& part : parts) {
      const bool same_whole = part && part.record() != nullptr && part.partitioned_variable() &&
                              part.partitioned_variable() == parts.front().partitioned_variable();
      if (same_whole) {
        add_variable(tensor, part);
        continue;
      }
      problems_.add("'" + tensor + "' is given a list with " +
                    (part && part.record() != nullptr ? describe(part) : "something") +
                    " that is not a part of one partitioned variable with the first; give variables that are "
                    "no parts one by one");
      return;
    }
  }

  void add_name(const std::string& tensor, const std::string& name) {
    if (const Variable found = find_shared_variable(graph_, name)) {
      add_variable(tensor, found);
    } else if (!name.ends_with('/')) {
      std::vector<std::string> names;
      for (const auto& [full_name, variable] : shared_variables(graph_)) names.push_back(full_name);
      problems_.add("'" + name +
                    "' is no variable of the graph that get_variable() made, and no scope, which would end "
                    "in '/' as in {\"old/\", \"new/\"} (for the tensor '" +
                    tensor + "')" + (names.empty() ? "" : io::NameHints(names).describe(name)));
    } else if (!tensor.ends_with('/')) {
      problems_.add("the scope '" + name + "' is to start with the single tensor '" + tensor +
                    "'; give a scope of the checkpoint, which ends in '/'");
    } else {
      add_scope(tensor, name);
    }
  }

  void add_scope(const std::string& in_checkpoint, const std::string& in_graph) {
    const std::string_view above = in_checkpoint == "/" ? std::string_view() : in_checkpoint;
    const std::string_view prefix = in_graph == "/" ? std::string_view() : in_graph;
    const auto variables = shared_variables(graph_, prefix);
    if (variables.empty()) {
      problems_.add("no variable that get_variable() made is below '" + in_graph + "' (for the scope '" +
                    in_checkpoint + "')");
    }
    for (const auto& [name, variable] : variables) {
      add_variable(std::string(above) + name.substr(prefix.size()), variable);
    }
  }

  const Graph& graph_;
  Problems& problems_;
  std::vector<Assignment> assignments_;
};

/// The variable whose shape the tensor must have: of a part the whole.
Variable whole_of(const Variable& variable) {
  const Variable whole = variable.partitioned_variable();
  return whole ? whole : variable;
}

/// The second step, for one assignment.
void check_fit(const CheckpointReader& checkpoint, io::NameHints& hints, const Assignment& assignment,
               Problems& problems) {
  const Variable whole = whole_of(assignment.variable);
  const std::string wanted = std::string(dtype_name(whole.dtype())) + whole.shape().to_string();
  const std::string line =
      "'" + assignment.tensor + "' for " + describe(assignment.variable) + ": wanted " + wanted + ", ";
  if (!checkpoint.has(assignment.tensor)) {
    problems.add(line + "not found" + hints.describe(assignment.tensor));
    return;
  }
  const CheckpointEntry& entry = checkpoint.entry(assignment.tensor);
  if (entry.dtype == whole.dtype() && entry.shape == whole.shape()) return;
  problems.add(line + "found " + std::string(dtype_name(entry.dtype)) + entry.shape.to_string());
}

/// Reads the tensor when the variable is initialized. Copies of the reader share the open file.
Initializer initializer_from(const CheckpointReader& checkpoint, const std::string& tensor,
                             const Variable& variable) {
  return Initializer([checkpoint, tensor, variable](const Shape&, DType, SeedPair) {
    const Array whole = checkpoint.read(tensor);
    return variable.partitioned_variable() ? cut_partition(whole, variable.partition_info(), variable.shape())
                                           : whole;
  });
}

}  // namespace

void init_from_checkpoint(const std::string& path, const AssignmentMap& assignment_map, Graph& graph) {
  const CheckpointReader checkpoint(io::require_checkpoint(io::posix_file_system(), path));
  Problems problems;
  AssignmentList list(graph, problems);
  if (assignment_map.empty()) problems.add("the assignment map is empty; {\"/\", \"/\"} means all variables");
  for (const auto& [tensor, current] : assignment_map) list.add(tensor, current);

  std::vector<std::string> names;
  for (const CheckpointEntry& entry : checkpoint.entries()) names.push_back(entry.name);
  io::NameHints hints(std::move(names));
  std::map<const detail::VariableRecord*, std::string> tensors;  // of each variable
  std::vector<std::pair<Variable, Initializer>> initializers;
  for (const Assignment& assignment : list.assignments()) {
    check_fit(checkpoint, hints, assignment, problems);
    for (const Variable& single : assignment.variable.partitions()) {
      const auto [first, fresh] = tensors.emplace(single.record(), assignment.tensor);
      if (fresh) {
        initializers.emplace_back(single, initializer_from(checkpoint, assignment.tensor, single));
      } else {
        problems.add(describe(single) + " is to start with two tensors, '" + first->second + "' and '" +
                     assignment.tensor + "'; choose one");
      }
    }
  }
  problems.refuse(checkpoint.path());
  set_initializers(initializers);
}

}  // namespace varscope
