// SPDX-License-Identifier: Apache-2.0
#include "saver_bindings.hpp"

#include <varscope/error.hpp>
#include <varscope/tensor.hpp>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>

namespace varscope::io {

namespace {

void require_variable(const Variable& variable, const std::string& which) {
  if (!variable) throw ValueError("cannot make a Saver: " + which + " refers to no variable");
  if (variable.record() != nullptr || variable.is_partitioned()) return;
  throw TypeError(
      "cannot make a Saver: " + which + ", '" + variable.name() +
      "', is not a variable: a custom getter computed it; give the variables that it was computed "
      "from");
}

std::string describe(const Variable& variable) {
  return std::string(variable.is_partitioned() ? "the partitioned variable" : "the variable") + " '" +
         saved_name(variable) + "' (made at " + to_string(variable.where()) + ")";
}

std::vector<Binding> sorted_by_key(std::vector<Binding> bindings) {
  std::sort(bindings.begin(), bindings.end(),
            [](const Binding& a, const Binding& b) { return a.key < b.key; });
  const auto twin = std::adjacent_find(bindings.begin(), bindings.end(),
                                       [](const Binding& a, const Binding& b) { return a.key == b.key; });
  if (twin == bindings.end()) return bindings;
  const Variable& one = twin->variable;
  const Variable& other = std::next(twin)->variable;
  if (one == other) throw ValueError("cannot make a Saver: " + describe(one) + " is given twice");
  throw ValueError("cannot make a Saver: two variables have the name '" + twin->key + "': " + describe(one) +
                   " and " + describe(other) + "; give them names of their own with a map");
}

std::string list_text(const std::vector<Variable>& variables) {
  std::string text;
  for (const Variable& variable : variables) {
    text += (text.empty() ? "'" : ", '") + saved_name(variable) + "'";
  }
  return text;
}

/// Throws ValueError unless `given` has every part of `whole` once.
void require_all_parts(const Variable& whole, const std::vector<Variable>& given) {
  std::vector<Variable> missing;
  for (const Variable& part : whole.partitions()) {
    const auto count = std::count(given.begin(), given.end(), part);
    if (count > 1) throw ValueError("cannot make a Saver: " + describe(part) + " is given twice");
    if (count == 0) missing.push_back(part);
  }
  if (missing.empty()) return;
  throw ValueError("cannot make a Saver: of " + describe(whole) + " only the parts " + list_text(given) +
                   " are given, and " + list_text(missing) +
                   " are missing; give all parts or the partitioned variable itself, or, to keep a part as a "
                   "tensor of its own, a map");
}

}  // namespace

std::string saved_name(const Variable& variable) {
  return variable.is_partitioned() ? variable.name() : variable.op().name();
}

std::vector<Binding> bind_graph(const Graph& graph) {
  std::vector<Binding> bindings;
  std::set<std::string> wholes;
  for (const Variable& variable : graph.global_variables()) {
    const Variable whole = variable.partitioned_variable();
    if (!whole) {
      bindings.push_back({saved_name(variable), variable});
    } else if (wholes.insert(saved_name(whole)).second) {
      bindings.push_back({saved_name(whole), whole});
    }
  }
  return sorted_by_key(std::move(bindings));
}

std::vector<Binding> bind_by_name(std::span<const Variable> variables) {
  struct Parts {
    Variable whole;
    std::vector<Variable> given;
  };
  std::vector<Binding> bindings;
  std::map<std::string, Parts> parts;  // by full name
  for (std::size_t index = 0; index < variables.size(); ++index) {
    const Variable& variable = variables[index];
    require_variable(variable, "element " + std::to_string(index) + " of the list");
    const Variable whole = variable.partitioned_variable();
    if (!whole) {
      bindings.push_back({saved_name(variable), variable});
      continue;
    }
    Parts& siblings = parts.emplace(saved_name(whole), Parts{whole, {}}).first->second;
    siblings.given.push_back(variable);
    if (siblings.whole == whole) continue;
    throw ValueError("cannot make a Saver: the list has parts of " + describe(siblings.whole) + " and of " +
                     describe(whole) + " of another graph");
  }
  for (const auto& [name, siblings] : parts) {
    require_all_parts(siblings.whole, siblings.given);
    bindings.push_back({name, siblings.whole});
  }
  return sorted_by_key(std::move(bindings));
}

std::vector<Binding> bind_by_map(std::span<const std::pair<const std::string, Variable>> variables) {
  std::vector<Binding> bindings;
  std::vector<Binding> singles;  // each part by itself
  for (const auto& [key, variable] : variables) {
    if (key.empty()) throw ValueError("cannot make a Saver: a key of the map is empty");
    require_variable(variable, "the key '" + key + "'");
    bindings.push_back({key, variable});
    for (const Variable& part : variable.partitions()) singles.push_back({key, part});
  }
  std::sort(singles.begin(), singles.end(), [](const Binding& a, const Binding& b) {
    return std::less<>()(a.variable.record(), b.variable.record());
  });
  const auto shared =
      std::adjacent_find(singles.begin(), singles.end(),
                         [](const Binding& a, const Binding& b) { return a.variable == b.variable; });
  if (shared != singles.end()) {
    throw ValueError("cannot make a Saver: " + describe(shared->variable) + " has two keys, '" + shared->key +
                     "' and '" + std::next(shared)->key + "'; give it one");
  }
  return sorted_by_key(std::move(bindings));
}

}  // namespace varscope::io
