// SPDX-License-Identifier: Apache-2.0
// Runs a scenario under all schedules, or under as many random ones as asked for.
//
// "All" means one of each class of schedules that differ only in the order of accesses which do not touch the
// same location, or only read it: what any schedule of a class does, all of them do (dynamic partial order
// reduction with source sets and sleep sets: Abdulla, Aronis, Jonsson, Sagonas 2014). On weak memory a load
// is tried with every store that it may be given.
#pragma once

#include "support/schedule/execution.hpp"

#include <cstdint>
#include <string>

namespace varscope::testing::schedule {

struct ExploreOptions {
  Memory memory = Memory::weak;
  Execution::Stop stop;
  std::uint64_t max_schedules = 0;  // of explore_all(): gives up after so many; 0: never
  bool reduce = true;               // of explore_all(): false: really all, alike or not
};

struct Exploration {
  std::uint64_t schedules = 0;  // that ran to their end
  std::uint64_t stopped = 0;    // of those: in which the thread to be stopped did not end before
  std::uint64_t pruned = 0;     // that were seen to be like another, on the way
  int longest = 0;              // in accesses
  bool exhausted = false;       // there are no other schedules
  bool failed = false;
  std::string message;  // what went wrong, and the schedule
};

namespace detail {

using MakeScenario = Scenario* (*)(const void* argument);
Exploration explore_all(MakeScenario make, const void* argument, int threads, const ExploreOptions& options);
Exploration explore_random(MakeScenario make, const void* argument, int threads, std::uint64_t seed,
                           std::uint64_t count, const ExploreOptions& options);

template <typename Make>
Scenario* make_scenario(const void* make) {
  return (*static_cast<const Make*>(make))();
}

}  // namespace detail

/// `make()` gives a new Scenario for threads 1 to `threads`. Stops at the first schedule that fails.
template <typename Make>
Exploration explore_all(int threads, const Make& make, const ExploreOptions& options = {}) {
  return detail::explore_all(&detail::make_scenario<Make>, &make, threads, options);
}

/// Schedule number n of a seed is always the same.
template <typename Make>
Exploration explore_random(int threads, std::uint64_t seed, std::uint64_t count, const Make& make,
                           const ExploreOptions& options = {}) {
  return detail::explore_random(&detail::make_scenario<Make>, &make, threads, seed, count, options);
}

}  // namespace varscope::testing::schedule
