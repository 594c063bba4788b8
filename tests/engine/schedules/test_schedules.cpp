// SPDX-License-Identifier: Apache-2.0
// The lock-free structures under schedules: all of them where that takes seconds, random ones on weak memory,
// with a thread stopped at each of its steps, and with faults, which must be noticed.
#include "engine/schedules/cases.hpp"
#include "engine/schedules/registry_scenario.hpp"
#include "support/random.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string_view>

using namespace varscope::testing;
using namespace varscope::testing::schedule;

BOOST_AUTO_TEST_CASE(the_keys_meet_in_the_tables) {
  for (const int key : {6, 7}) BOOST_TEST(scenario_keys.hash(key) % 16 == scenario_keys.hash(1) % 16);
  BOOST_TEST(scenario_keys.hash(3) % 16 == scenario_keys.hash(0) % 16);
  BOOST_TEST(scenario_keys.hash(3) >> 48U == scenario_keys.hash(0) >> 48U);
  std::set<std::string_view> names;
  for (int key = 0; key < ScenarioKeys::kCount; ++key) names.insert(scenario_keys[key]);
  BOOST_TEST(names.size() == std::size_t{ScenarioKeys::kCount});
}

BOOST_AUTO_TEST_CASE(all_interleavings) {
  for (const ScheduleCase& one : schedule_cases()) {
    if (!one.all_interleavings) continue;
    const Exploration result = explore_all(one, {.memory = Memory::interleaving, .stop = {}});
    BOOST_TEST(!result.failed, one.name << ": " << result.message);
    BOOST_TEST(result.exhausted);
    BOOST_TEST_MESSAGE(one.name << ": " << result.schedules << " schedules");
  }
}

BOOST_AUTO_TEST_CASE(all_that_weak_memory_does) {
  for (const ScheduleCase& one : schedule_cases()) {
    if (!one.all_on_weak_memory) continue;
    const Exploration result = explore_all(one, {.memory = Memory::weak, .stop = {}});
    BOOST_TEST(!result.failed, one.name << ": " << result.message);
    BOOST_TEST(result.exhausted);
    BOOST_TEST_MESSAGE(one.name << ": " << result.schedules << " schedules");
  }
}

BOOST_AUTO_TEST_CASE(random_schedules_on_weak_memory) {
  for (const ScheduleCase& one : schedule_cases()) {
    const Exploration result = explore_random(one, seed(), 30000, {});
    BOOST_TEST(!result.failed, one.name << ": " << result.message);
    BOOST_TEST(result.schedules == 30000U);
  }
}

// A thread stops for ever, anywhere: all others come to their end, with results that have a serial order.
BOOST_AUTO_TEST_CASE(a_thread_that_stops_at_any_step_stops_nobody) {
  for (const ScheduleCase& one : schedule_cases()) {
    int thread = 1;
    for (int after = 0, none_stopped = 0; thread <= one.threads; ++after) {
      ExploreOptions options;
      options.stop = {thread, after};
      for (const Memory memory : {Memory::interleaving, Memory::weak}) {
        options.memory = memory;
        const Exploration result = explore_random(one, seed(), 100, options);
        BOOST_TEST(!result.failed, one.name << ", thread " << thread << " stopped after " << after
                                            << " steps: " << result.message);
        none_stopped += result.stopped == 0;
      }
      if (none_stopped == 0) continue;
      BOOST_TEST((after > 2 || one.name.starts_with("published")),
                 one.name << ": stopped at " << after << " steps");
      ++thread;
      after = -1;
      none_stopped = 0;
    }
  }
}

// Every acquire, release, acq_rel and seq_cst of these structures is needed, and so is every exchange.
BOOST_AUTO_TEST_CASE(weaker_orders_are_noticed) {
  const std::vector<Mutation> mutations = mutations_of(places_of_cases());
  BOOST_TEST(mutations.size() > 60U);
  for (const Mutation& mutation : mutations) {
    const MutationResult result = run_mutation(mutation, seed(), 1000000);
    BOOST_TEST(!result.caught_by.empty(), "not noticed: " << schedule::describe(mutation.place) << ", part "
                                                          << static_cast<int>(mutation.place.part));
    BOOST_TEST(result.mutated_accesses > 0U);
  }
}
