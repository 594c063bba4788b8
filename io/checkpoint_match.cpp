// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_match.hpp"

#include "name_hints.hpp"
#include "restore_report.hpp"

#include <varscope/error.hpp>
#include <varscope/partitioned_values.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace varscope::io {

namespace {

using RenamedScopes = std::vector<std::pair<std::string, std::string>>;

/// What names below a scope begin with: nothing at the root.
std::string_view prefix_of(std::string_view scope) {
  return scope == "/" ? std::string_view() : scope;
}

void require_scopes(const RenamedScopes& renamed, std::span<const Binding> bindings) {
  std::set<std::string_view> seen;
  for (const auto& [in_checkpoint, in_graph] : renamed) {
    const std::string what = "cannot rename the scope '" + in_checkpoint + "' to '" + in_graph + "': ";
    if (!in_checkpoint.ends_with('/') || !in_graph.ends_with('/')) {
      throw ValueError(what + "both must end in '/', as {\"old/\", \"new/\"}; the root is \"/\"");
    }
    if (!seen.insert(in_graph).second) {
      throw ValueError(what + "'" + in_graph + "' is to be restored from two scopes; choose one");
    }
    const std::string_view prefix = prefix_of(in_graph);
    const bool used = std::any_of(bindings.begin(), bindings.end(),
                                  [&](const Binding& binding) { return binding.key.starts_with(prefix); });
    if (used) continue;
    throw ValueError(what + "none of the variables has a name that starts with '" + in_graph +
                     "'. The checkpoint's scope comes first, then that of the variables");
  }
}

/// The name in the file: the innermost of the renamed scopes around the variable decides.
std::string tensor_name(const std::string& key, const RenamedScopes& renamed) {
  const std::pair<std::string, std::string>* innermost = nullptr;
  for (const auto& each : renamed) {
    if (!key.starts_with(prefix_of(each.second))) continue;
    if (innermost == nullptr || prefix_of(each.second).size() > prefix_of(innermost->second).size()) {
      innermost = &each;
    }
  }
  if (innermost == nullptr) return key;
  return std::string(prefix_of(innermost->first)) + key.substr(prefix_of(innermost->second).size());
}

bool has_as_many_elements(const CheckpointEntry& entry, const Variable& variable) {
  return entry.shape.num_elements() == variable.shape().num_elements();
}

std::vector<std::string> names_in(const detail::OpenCheckpoint& checkpoint) {
  std::vector<std::string> names;
  names.reserve(checkpoint.entries().size());
  for (const CheckpointEntry& entry : checkpoint.entries()) names.push_back(entry.name);
  return names;
}

}  // namespace

CheckpointMatch match_checkpoint(const detail::OpenCheckpoint& checkpoint, std::span<const Binding> bindings,
                                 const RestoreOptions& options, bool reshape) {
  require_scopes(options.renamed_scopes, bindings);
  CheckpointMatch match;
  RestoreReport& report = match.report;
  report.checkpoint = checkpoint.path();
  std::optional<NameHints> hints;  // once one is missing
  const std::vector<CheckpointEntry>& entries = checkpoint.entries();
  std::vector<bool> wanted(entries.size());
  std::string renamed;
  std::size_t next = 0;  // mostly the entry that the next binding wants: both are sorted
  match.pairs.reserve(bindings.size());
  for (const Binding& binding : bindings) {
    const Variable& variable = binding.variable;
    if (!options.renamed_scopes.empty()) renamed = tensor_name(binding.key, options.renamed_scopes);
    const std::string& tensor = options.renamed_scopes.empty() ? binding.key : renamed;
    const CheckpointEntry* const entry =
        next < entries.size() && entries[next].name == tensor ? &entries[next] : checkpoint.find(tensor);
    if (entry == nullptr) {
      if (!hints) hints.emplace(names_in(checkpoint));
      report.missing.push_back({saved_name(variable), tensor, variable.dtype(), variable.shape(),
                                variable.where(), hints->nearest(tensor)});
      continue;
    }
    const auto index = static_cast<std::size_t>(entry - entries.data());
    wanted[index] = true;
    next = index + 1;
    const bool same_shape = entry->shape == variable.shape();
    if (entry->dtype == variable.dtype() &&
        (same_shape || (reshape && has_as_many_elements(*entry, variable)))) {
      match.pairs.push_back({&binding, entry, !same_shape});
    } else {
      report.mismatched.push_back({saved_name(variable), tensor, variable.dtype(), variable.shape(),
                                   variable.where(), entry->dtype, entry->shape});
    }
  }
  for (std::size_t index = 0; index < entries.size(); ++index) {
    if (!wanted[index]) report.unexpected.push_back(entries[index].name);
  }
  return match;
}

void list_restored(CheckpointMatch& match) {
  for (const auto& [binding, entry, is_reshaped] : match.pairs) {
    match.report.restored.push_back({saved_name(binding->variable), entry->name});
  }
}

void require_complete(const detail::OpenCheckpoint& checkpoint, const CheckpointMatch& match,
                      bool refuse_unexpected) {
  const RestoreReport& report = match.report;
  const std::size_t problems = report.missing.size() + report.mismatched.size();
  if (problems == 0) {
    if (refuse_unexpected) require_nothing_unexpected(report);
    return;
  }
  std::string message = "cannot restore from '" + report.checkpoint + "': of " +
                        std::to_string(problems + match.pairs.size()) + " variables, " +
                        std::to_string(problems) + " do not fit, and none was changed:";
  if (!report.missing.empty()) {
    const NameHints hints(names_in(checkpoint));
    for (const RestoreReport::Missing& each : report.missing) {
      message += "\n  " + describe_missing(each) + hints.describe_nearest(each.nearest);
    }
  }
  for (const RestoreReport::Mismatched& each : report.mismatched) {
    message += "\n  " + describe_mismatched(each);
  }
  if (refuse_unexpected) {
    for (const std::string& each : report.unexpected) message += "\n  " + describe_unexpected(each);
  }
  message +=
      "\nThe graph may not be the one that was saved. A Saver for a list of variables restores a part, one "
      "for "
      "a map and RestoreOptions::renamed_scopes restore under other names, and restore_matching() restores "
      "what fits.";
  if (!report.missing.empty()) throw NotFoundError(message);
  throw InvalidArgumentError(message);
}

void require_nothing_unexpected(const RestoreReport& report) {
  if (report.unexpected.empty()) return;
  std::string message = "cannot restore from '" + report.checkpoint + "': it holds " +
                        std::to_string(report.unexpected.size()) +
                        " tensors that no variable wants, and no variable was changed:";
  for (const std::string& each : report.unexpected) message += "\n  " + describe_unexpected(each);
  message += "\nWithout RestoreOptions::refuse_unexpected they are passed over.";
  throw InvalidArgumentError(message);
}

std::vector<std::pair<Variable, Array>> read_values(const detail::OpenCheckpoint& checkpoint,
                                                    std::span<const CheckpointMatch::Pair> pairs) {
  const auto index_of = [&](const CheckpointEntry* entry) {
    return static_cast<std::size_t>(entry - checkpoint.entries().data());
  };
  // Renamed scopes may want one entry for two variables.
  std::vector<std::optional<Array>> arrays(checkpoint.entries().size());
  std::vector<bool> given_away(checkpoint.entries().size());
  std::vector<detail::OpenCheckpoint::Destination> destinations;
  destinations.reserve(pairs.size());
  for (const auto& [binding, entry, is_reshaped] : pairs) {
    std::optional<Array>& array = arrays[index_of(entry)];
    if (array) continue;
    array = Array::uninitialized(entry->shape, entry->dtype);
    destinations.push_back({entry, {static_cast<std::byte*>(array->data()), array->num_bytes()}});
  }
  checkpoint.read(destinations);
  std::vector<std::pair<Variable, Array>> values;
  values.reserve(pairs.size());
  for (const auto& [binding, entry, is_reshaped] : pairs) {
    const Variable& variable = binding->variable;
    std::optional<Array>& array = arrays[index_of(entry)];
    if (variable.is_partitioned()) {
      const Array whole = array->reshaped(variable.shape());
      for (const Variable& part : variable.partitions())
        values.emplace_back(part, cut_partition(whole, part.partition_info(), part.shape()));
    } else {
      Array value = is_reshaped ? array->reshaped(variable.shape()) : *array;
      // A session's own array must be nobody else's.
      values.emplace_back(variable, given_away[index_of(entry)] ? value.copy() : std::move(value));
      given_away[index_of(entry)] = true;
    }
  }
  return values;
}

}  // namespace varscope::io
