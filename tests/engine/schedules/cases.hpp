// SPDX-License-Identifier: Apache-2.0
// The scenarios by name, each with a few programs: what test_schedules, the mutations and the campaign run.
#pragma once

#include "support/schedule/explore.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace varscope::testing {

struct ScheduleCase {
  std::string name;
  int threads;
  schedule::detail::MakeScenario make;
  const void* argument;
  /// Whether a test of seconds gets through all its schedules, on which memory.
  bool all_interleavings = false;
  bool all_on_weak_memory = false;
};

const std::vector<ScheduleCase>& schedule_cases();

inline schedule::Exploration explore_all(const ScheduleCase& of, const schedule::ExploreOptions& options) {
  return schedule::detail::explore_all(of.make, of.argument, of.threads, options);
}

inline schedule::Exploration explore_random(const ScheduleCase& of, std::uint64_t seed, std::uint64_t count,
                                            const schedule::ExploreOptions& options) {
  return schedule::detail::explore_random(of.make, of.argument, of.threads, seed, count, options);
}

/// Runs all cases with every fault there is in turn: each order weakened to relaxed, each exchange split in
/// two.
struct MutationResult {
  schedule::Mutation mutation;
  std::string caught_by;  // the case; empty: by none
  std::uint64_t schedules = 0;
  std::uint64_t mutated_accesses = 0;
  std::string message;
};

/// The places that the cases run, found by running them.
std::vector<schedule::Place> places_of_cases();
std::vector<schedule::Mutation> mutations_of(const std::vector<schedule::Place>& places);
/// Random schedules on weak memory, `count` a case at most.
MutationResult run_mutation(const schedule::Mutation& mutation, std::uint64_t seed, std::uint64_t count);

}  // namespace varscope::testing
