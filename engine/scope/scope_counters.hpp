// SPDX-License-Identifier: Apache-2.0
// ScopeCounters: how often each variable scope was opened, from which default names are made unique
// (SEMANTICS J).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace varscope::detail {

/// Belongs to one thread's scope stack of one graph; not thread-safe.
class ScopeCounters {
 public:
  /// Counts an opening of the scope of that full name.
  void open(const std::string& name);

  /// Forgets the counts of all scopes below `name` (J4); below the root there are none (J11).
  void close_below(const std::string& name) noexcept;

  int count(const std::string& name) const noexcept;

  /// `default_name`, or `default_name_1`, ..., the first that below `scope` has not been opened.
  std::string unique_default_name(std::string_view scope, std::string_view default_name) const;

  /// From here on changes are recorded, until roll_back() undoes them (J5). Calls nest.
  std::size_t mark();
  void roll_back(std::size_t mark) noexcept;

 private:
  using Counts = std::map<std::string, int, std::less<>>;

  /// One recorded change: a count that was raised, or one that was taken out of the map.
  struct Change {
    std::string raised;
    Counts::node_type removed;
  };

  void reserve_journal();

  Counts counts_;
  // Changes since the outermost mark. Invariant: there is room for one more for each count, so that
  // close_below() allocates nothing.
  std::vector<Change> journal_;
  int marks_ = 0;
};

}  // namespace varscope::detail
