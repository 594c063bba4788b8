// SPDX-License-Identifier: Apache-2.0
#include "engine/schedules/cases.hpp"

#include "engine/schedules/registry_scenario.hpp"
#include "engine/schedules/scenarios.hpp"

#include <deque>

namespace varscope::testing {

namespace {

using schedule::Scenario;

constexpr RegistryAction A{RegistryAction::create, 0}, B{RegistryAction::create, 1},
    C{RegistryAction::create, 2};
constexpr RegistryAction D{RegistryAction::create, 3};
constexpr RegistryAction twin_of_a{RegistryAction::lookup, 3};
constexpr RegistryAction a{RegistryAction::lookup, 0}, b{RegistryAction::lookup, 1},
    c{RegistryAction::lookup, 2};
constexpr RegistryAction e{RegistryAction::enumerate, 0};

/// Creations are capitals, lookups small letters, e enumerates. The smallest table has room for two keys; a
/// third creation makes it grow.
struct NamedProgram {
  const char* name;
  RegistryProgram program;
  bool all_interleavings = true;
  bool all_on_weak_memory = false;
};

const NamedProgram programs[] = {
    {"create_lookup", {{{A, a, b}, {a, A, b}, {a, b, A}}, 0, false}, true, true},
    {"two_keys", {{{A, a, b}, {B, a, b}, {a, b, a}}, 0, false}, true, true},
    {"crossed", {{{A, B, a}, {B, A, b}, {a, b, a}}, 0, false}},
    {"three_creators", {{{A, B, a}, {B, A, b}, {A, B, a}}, 0, false}, false},
    {"grow_beside_lookups", {{{A, a, b}, {a, b, a}, {a, b, a}}, 2, false}, true, true},
    {"grow_beside_creation", {{{A, a, b}, {B, a, b}, {a, b, a}}, 2, false}},
    {"grow_by_three", {{{A, a, b}, {B, a, b}, {C, b, a}}, 2, false}, false},
    {"grow_for_one_key", {{{A, a, b}, {A, a, b}, {a, b, a}}, 2, false}, false},
    {"grow_twice", {{{A, B, C}, {a, D, c}, {c, b, a}}, 2, false}, false},
    {"grow_twice_beside_creation", {{{A, B, C}, {D}, {a}}, 2, false}, false},
    {"grow_over_twins", {{{A, C, a}, {B, twin_of_a, b}, {twin_of_a, twin_of_a, a}}, 1, false}},
    {"enumerate", {{{A, e, a}, {a, e, e}, {e, e, a}}, 0, true}},
    {"enumerate_two", {{{A, e, a}, {B, e, a}, {e, a, e}}, 0, true}, false},
    {"enumerate_growing", {{{A, e, a}, {B, b, e}, {e, a, e}}, 2, true}, false},
    {"complete_together", {{{A, a, e}, {A, e, a}, {a, e, e}}, 0, true}, false},
};

using Work = PublishedScenario;

struct NamedWork {
  const char* name;
  PublishedScenario::Program program;
  bool all_interleavings = true;
};

const NamedWork works[] = {
    {"one_writer", {{Work::write}, {Work::read}, {Work::read}}},
    {"two_versions", {{Work::write, Work::write}, {Work::read}, {Work::nothing}}},
    {"two_writers", {{Work::write, Work::pass_on}, {Work::write_after}, {Work::read}}},
    {"two_pins", {{Work::write}, {Work::read_twice}, {Work::nothing}}},
    {"readers_that_try_again", {{Work::write, Work::write}, {Work::read}, {Work::read}}, false},
    {"three_each",
     {{Work::write, Work::write, Work::write},
      {Work::read, Work::read, Work::read},
      {Work::read, Work::read_twice, Work::read}},
     false},
};

Scenario* make_registry(const void* program) {
  return new RegistryScenario<detail::Arena<std::atomic>>(*static_cast<const RegistryProgram*>(program));
}

Scenario* make_published(const void* program) {
  return new PublishedScenario(*static_cast<const PublishedScenario::Program*>(program));
}

template <typename T>
Scenario* make_plain(const void*) {
  return new T;
}

std::vector<ScheduleCase> make_cases() {
  std::vector<ScheduleCase> cases;
  for (const NamedProgram& named : programs) {
    cases.push_back({std::string("registry/") + named.name, 3, make_registry, &named.program,
                     named.all_interleavings, named.all_on_weak_memory});
  }
  cases.push_back({"entry", 3, make_plain<EntryScenario>, nullptr, true, true});
  cases.push_back({"list", 3, make_plain<ListScenario>, nullptr, false, false});
  cases.push_back({"recent", 3, make_plain<RecentScenario>, nullptr, true, true});
  cases.push_back({"arena", 3, make_plain<ArenaScenario>, nullptr, false, false});
  for (const NamedWork& named : works) {
    cases.push_back({std::string("published/") + named.name, 3, make_published, &named.program,
                     named.all_interleavings, named.all_interleavings});
  }
  return cases;
}

}  // namespace

const std::vector<ScheduleCase>& schedule_cases() {
  static const std::vector<ScheduleCase> cases = make_cases();
  return cases;
}

std::vector<schedule::Place> places_of_cases() {
  schedule::watch_places(true);
  for (const ScheduleCase& one : schedule_cases()) explore_random(one, 1, 2000, {});
  schedule::watch_places(false);
  std::vector<schedule::Place> places;
  for (const schedule::Place& place : schedule::places_met()) {
    // Those of the product: the scenarios have accesses of their own.
    if (place.file.find("scenario") == std::string::npos) places.push_back(place);
  }
  return places;
}

std::vector<schedule::Mutation> mutations_of(const std::vector<schedule::Place>& places) {
  std::vector<schedule::Mutation> mutations;
  for (const schedule::Place& place : places) {
    if (place.part == schedule::Part::exchange) {
      mutations.push_back({place, std::memory_order_relaxed});
      continue;
    }
    if (place.order == std::memory_order_relaxed) continue;
    mutations.push_back({place, std::memory_order_relaxed});
    if (place.order == std::memory_order_seq_cst) {
      const bool reads = !place.write_only, writes = !place.read_only;
      mutations.push_back({place, reads && writes ? std::memory_order_acq_rel
                                  : reads         ? std::memory_order_acquire
                                                  : std::memory_order_release});
    }
  }
  return mutations;
}

MutationResult run_mutation(const schedule::Mutation& mutation, std::uint64_t seed, std::uint64_t count) {
  MutationResult result{mutation, {}, 0, 0, {}};
  // Few schedules of each case first: most faults are found by the first that runs into them. Then more of
  // those that run the place at all.
  std::vector<const ScheduleCase*> cases;
  for (const ScheduleCase& one : schedule_cases()) cases.push_back(&one);
  std::uint64_t first = 0;
  for (std::uint64_t end = count / 1000 + 100; first < count && !cases.empty(); end *= 10) {
    std::vector<const ScheduleCase*> met;
    for (const ScheduleCase* one : cases) {
      schedule::set_mutation(&mutation);
      const schedule::Exploration explored = explore_random(*one, seed + first, end - first, {});
      const std::uint64_t changed = schedule::num_mutated_accesses();
      schedule::set_mutation(nullptr);
      result.mutated_accesses += changed;
      result.schedules += explored.schedules;
      if (changed > 0) met.push_back(one);
      if (!explored.failed) continue;
      result.caught_by = one->name;
      result.message = explored.message.substr(0, explored.message.find('\n'));
      return result;
    }
    cases = met;
    first = end;
  }
  return result;
}

}  // namespace varscope::testing
