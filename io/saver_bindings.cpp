// SPDX-License-Identifier: Apache-2.0
#include "saver_bindings.hpp"

#include <varscope/error.hpp>
#include <varscope/tensor.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

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

/// Where the first name of a sorted list begins to differ from the last one, and so from any.
std::size_t common_prefix(std::string_view first, std::string_view last) {
  const auto differing = std::mismatch(first.begin(), first.end(), last.begin(), last.end());
  return static_cast<std::size_t>(differing.first - first.begin());
}

/// Eight bytes of the name as a number that is ordered as they are.
std::uint64_t leading_bytes(std::string_view name, std::size_t begin) {
  std::uint64_t bytes = 0;
  for (std::size_t k = begin; k < begin + 8; ++k) {
    bytes = bytes << 8 | (k < name.size() ? static_cast<unsigned char>(name[k]) : 0u);
  }
  return bytes;
}

/// Names of one model mostly differ within the first bytes behind what all have in common; so few comparisons
/// look at a name, and what is moved about is small.
void sort_by_key(std::vector<Binding>& bindings) {
  const auto by_key = [](const Binding& a, const Binding& b) { return a.key < b.key; };
  if (std::is_sorted(bindings.begin(), bindings.end(), by_key)) return;
  const auto [least, greatest] = std::minmax_element(bindings.begin(), bindings.end(), by_key);
  const std::size_t prefix = common_prefix(least->key, greatest->key);
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  order.reserve(bindings.size());
  for (const Binding& binding : bindings)
    order.emplace_back(leading_bytes(binding.key, prefix), order.size());
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return bindings[a.second].key < bindings[b.second].key;
  });
  std::vector<Binding> sorted;
  sorted.reserve(bindings.size());
  for (const auto& [bytes, index] : order) sorted.push_back(std::move(bindings[index]));
  bindings = std::move(sorted);
}

std::vector<Binding> sorted_by_key(std::vector<Binding> bindings) {
  sort_by_key(bindings);
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

std::vector<Binding> bind_global(std::span<const Variable> variables) {
  std::vector<Binding> bindings;
  bindings.reserve(variables.size());
  std::set<std::string> wholes;
  for (const Variable& variable : variables) {
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
