// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/partitioned_record.hpp"
#include "scope/variable_record.hpp"

#include <varscope/shared_variables.hpp>

#include <unordered_set>

namespace varscope {

namespace {

/// Another thread may have stopped in the middle of making it.
Variable completed(detail::VariableRecord& record) {
  record.complete();
  return Variable(record);
}

}  // namespace

Variable find_shared_variable(const Graph& graph, std::string_view full_name) {
  const detail::Registry<>::Entry* const entry = graph.state().registry().find(detail::Path(full_name));
  if (entry == nullptr) return {};
  if (const detail::PartitionedRecord* const whole = entry->partitioned()) {
    return detail::variable_of(*whole);
  }
  detail::VariableRecord* const record = entry->variable();
  return record == nullptr ? Variable() : completed(*record);
}

std::vector<std::pair<std::string, Variable>> shared_variables(const Graph& graph, std::string_view prefix) {
  std::vector<std::pair<std::string, Variable>> found;
  std::unordered_set<const detail::PartitionedRecord*> wholes;
  graph.state().variables().for_each([&](const detail::VariableRecord& record) {
    const detail::Registry<>::Entry* const entry = graph.state().registry().find(detail::Path(record.key()));
    if (entry == nullptr || entry->variable() != &record) return;  // no path leads to it
    const detail::PartitionedRecord* const whole = record.part_of();
    const std::string& name = whole == nullptr ? record.key() : whole->name();
    if (!name.starts_with(prefix)) return;
    if (whole == nullptr) {
      found.emplace_back(name, Variable(record));
    } else if (wholes.insert(whole).second) {
      found.emplace_back(name, Variable(*whole));
    }
  });
  return found;
}

}  // namespace varscope
