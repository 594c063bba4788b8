// SPDX-License-Identifier: Apache-2.0
// Whether a recorded history of calls could have come from calls made one after the other (Herlihy, Wing
// 1990): the search of Wing and Gong (1993), which remembers the states that led nowhere (Lowe 2017).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace varscope::testing {

/// One call.
struct Call {
  std::uint64_t predecessors = 0;  // the calls that ended before it began, by their places in the history
  int thread = 0;
  bool creates = false;  // else it looks up
  int key = 0;
  int result = 0;
  bool pending = false;  // it never ended: it may have had its effect, with that result, or not
};

/// A map in which the first creation under a key wins and all later calls find it. The number of a record
/// tells who made it: number % 10 is the thread.
struct RegistrySpecification {
  static constexpr int kAbsent = 0;
  using State = std::array<int, 16>;  // the number of the record of each key

  /// Makes the call, if it can give that result in this state.
  static bool apply(const Call& call, State& state) {
    int& known = state[static_cast<std::size_t>(call.key)];
    if (known != kAbsent) return call.result == known;
    if (!call.creates) return call.result == kAbsent;
    if (call.result == kAbsent || call.result % 10 != call.thread) return false;
    known = call.result;
    return true;
  }
};

template <typename Specification>
class LinearizabilitySearch {
  using State = typename Specification::State;

 public:
  explicit LinearizabilitySearch(const std::vector<Call>& history) : history_(history) {
    for (std::size_t index = 0; index < history.size(); ++index) {
      if (!history[index].pending) ended_ |= std::uint64_t{1} << index;
    }
  }

  /// Whether the calls that are not among `placed` can follow from `state`.
  bool search(std::uint64_t placed, const State& state) {
    const std::size_t count = history_.size();
    if ((ended_ & ~placed) == 0) return true;
    const std::pair<std::uint64_t, State> here{placed, state};
    if (std::find(failed_.begin(), failed_.end(), here) != failed_.end()) return false;
    for (std::size_t index = 0; index < count; ++index) {
      if ((placed >> index & 1U) != 0 || (history_[index].predecessors & ~placed) != 0) continue;
      State next = state;
      if (Specification::apply(history_[index], next) && search(placed | std::uint64_t{1} << index, next)) {
        return true;
      }
    }
    failed_.push_back(here);
    return false;
  }

 private:
  const std::vector<Call>& history_;
  std::uint64_t ended_ = 0;
  std::vector<std::pair<std::uint64_t, State>> failed_;
};

/// Requires: fewer than 64 calls.
template <typename Specification>
bool is_linearizable(const std::vector<Call>& history, const Specification&) {
  return LinearizabilitySearch<Specification>(history).search(0, {});
}

}  // namespace varscope::testing
