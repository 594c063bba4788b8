// SPDX-License-Identifier: Apache-2.0
// Mutation: a fault put into one place of the code under test while it runs: an access with a weaker order
// than it states, or an exchange that is no longer one step. A place is a line and column of a source file,
// which the simulated atomics are told by their callers, so that one program runs with each fault in turn.
#pragma once

#include "support/schedule/where.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::testing::schedule {

/// Which of the orders of an access, or the access itself.
enum class Part : std::uint8_t { order, failure_order, exchange };

/// One place that was run, with what it states.
struct Place {
  std::string file;  // without its folders
  unsigned line = 0;
  unsigned column = 0;
  Part part = Part::order;
  std::memory_order order = std::memory_order_relaxed;
  bool read_only = false;   // a load, or a failed exchange
  bool write_only = false;  // a store
};

struct Mutation {
  Place place;
  std::memory_order weaker = std::memory_order_relaxed;
};

/// Says of an addition that nobody looks at its result: then splitting it is no fault that must be noticed.
void forget_exchange(const Where& where);

/// The places met since the last call of watch_places(), each once.
void watch_places(bool watch);
const std::vector<Place>& places_met();

/// Puts the fault in, or takes it out. The number of accesses that it has changed is counted from here on.
void set_mutation(const Mutation* mutation);
std::uint64_t num_mutated_accesses();

namespace detail {

// Looked at in each access.
inline bool watching = false;
inline const Mutation* active = nullptr;

void meet(const Where& where, Part part, std::memory_order order, bool read_only, bool write_only);
bool is_mutated(const Where& where, Part part);

}  // namespace detail

/// The order that an access has in this run.
inline std::memory_order effective_order(std::memory_order stated, const Where& where, Part part,
                                         bool read_only, bool write_only) {
  if (detail::watching) [[unlikely]]
    detail::meet(where, part, stated, read_only, write_only);
  if (detail::active != nullptr && detail::is_mutated(where, part)) [[unlikely]]
    return detail::active->weaker;
  return stated;
}

/// Whether an exchange is split into a load and a store in this run.
inline bool is_split(const Where& where) {
  if (detail::watching) [[unlikely]] {
    detail::meet(where, Part::exchange, std::memory_order_relaxed, false, false);
  }
  return detail::active != nullptr && detail::is_mutated(where, Part::exchange);
}

std::string describe(const Place& place);

}  // namespace varscope::testing::schedule
