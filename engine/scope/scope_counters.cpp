// SPDX-License-Identifier: Apache-2.0
#include "scope/scope_counters.hpp"

#include <algorithm>

namespace varscope::detail {

void ScopeCounters::open(const std::string& name) {
  if (marks_ > 0) {
    reserve_journal();
    Change change{name, {}};
    ++counts_[name];
    journal_.push_back(std::move(change));
  } else {
    ++counts_[name];
  }
}

void ScopeCounters::close_below(const std::string& name) noexcept {
  // All keys that start with name + "/" follow each other; none of them comes before name itself.
  const auto below = [&](const std::string& key) {
    return key.size() > name.size() && key[name.size()] == '/' && key.starts_with(name);
  };
  auto place = counts_.lower_bound(name);
  while (place != counts_.end() && place->first.starts_with(name)) {
    const auto next = std::next(place);
    if (below(place->first)) {
      if (marks_ > 0) {
        journal_.push_back(Change{{}, counts_.extract(place)});
      } else {
        counts_.erase(place);
      }
    }
    place = next;
  }
}

int ScopeCounters::count(const std::string& name) const noexcept {
  const auto place = counts_.find(name);
  return place == counts_.end() ? 0 : place->second;
}

std::string ScopeCounters::unique_default_name(std::string_view scope, std::string_view default_name) const {
  std::string prefix(scope);
  if (!prefix.empty()) prefix += '/';
  std::string candidate(default_name);
  for (int suffix = 1; count(prefix + candidate) > 0; ++suffix) {
    candidate = std::string(default_name) + "_" + std::to_string(suffix);
  }
  return candidate;
}

std::size_t ScopeCounters::mark() {
  ++marks_;
  reserve_journal();
  return journal_.size();
}

void ScopeCounters::roll_back(std::size_t mark) noexcept {
  while (journal_.size() > mark) {
    Change& change = journal_.back();
    if (change.removed.empty()) {
      const auto place = counts_.find(change.raised);
      if (--place->second == 0) counts_.erase(place);
    } else {
      counts_.insert(std::move(change.removed));
    }
    journal_.pop_back();
  }
  --marks_;
}

void ScopeCounters::reserve_journal() {
  const std::size_t needed = journal_.size() + 1 + counts_.size() + 1;
  if (journal_.capacity() < needed) journal_.reserve(std::max(needed, 2 * journal_.capacity()));
}

}  // namespace varscope::detail
