// SPDX-License-Identifier: Apache-2.0
// Runs the scenarios of the lock-free structures for as long as asked: all schedules, or many random ones;
// and shows that they notice faults in the memory orders. tests/engine/schedules/README.md says what is what.
#include "engine/schedules/cases.hpp"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>

using namespace varscope::testing;
using namespace varscope::testing::schedule;

namespace {

constexpr const char* kHelp =
    "schedule_campaign [--random N] [--all] [--weak] [--mutations N] [--places] [--case NAME] [--seed N]\n"
    "                  [--max N]\n"
    "  --random N     N random schedules, shared by the cases, on weak memory\n"
    "  --all          all schedules of each case as interleavings; with --weak, on weak memory\n"
    "  --max N        ... but no more than N schedules a case\n"
    "  --mutations N  every fault in turn, with N random schedules of each case at most\n"
    "  --places       the places with atomic accesses that the cases run: file line column part order\n"
    "  --case NAME    only cases whose name begins so\n";

struct Arguments {
  std::uint64_t random = 0, mutations = 0, max = 0, seed = 0;
  bool all = false, weak = false, places = false;
  std::string only;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      return "seq_cst";
    default:
      return "consume";
  }
}

std::string describe(const Mutation& mutation) {
  const Place& place = mutation.place;
  if (place.part == Part::exchange)
    return schedule::describe(place) + " load and store instead of one exchange";
  return schedule::describe(place) + (place.part == Part::failure_order ? " (on failure) " : " ") +
         name_of(place.order) + " -> " + name_of(mutation.weaker);
}

/// Prints a line a case; gives whether all went well.
bool explore(const Arguments& arguments) {
  bool good = true;
  std::uint64_t total = 0;
  std::vector<const ScheduleCase*> cases;
  for (const ScheduleCase& one : schedule_cases()) {
    if (one.name.compare(0, arguments.only.size(), arguments.only) == 0) cases.push_back(&one);
  }
  for (const ScheduleCase* one : cases) {
    const auto begin = std::chrono::steady_clock::now();
    const Exploration result =
        arguments.all ? explore_all(*one, {.memory = arguments.weak ? Memory::weak : Memory::interleaving,
                                           .stop = {},
                                           .max_schedules = arguments.max})
                      : explore_random(*one, arguments.seed, arguments.random / cases.size() + 1, {});
    const double seconds = seconds_since(begin);
    total += result.schedules;
    good &= !result.failed;
    std::printf("%-32s %12" PRIu64 " schedules%s, up to %d steps, %.1f s%s\n", one->name.c_str(),
                result.schedules, result.exhausted ? " (all)" : "", result.longest, seconds,
                result.failed ? ": FAILED" : "");
    if (result.failed) std::printf("%s\n", result.message.c_str());
    std::fflush(stdout);
  }
  std::printf("%" PRIu64 " schedules, seed %" PRIu64 ": %s\n", total, arguments.seed,
              good ? "no failure" : "FAILED");
  return good;
}

bool mutate(const Arguments& arguments) {
  int caught = 0, missed = 0;
  for (const Mutation& mutation : mutations_of(places_of_cases())) {
    const MutationResult result = run_mutation(mutation, arguments.seed, arguments.mutations);
    const bool found = !result.caught_by.empty();
    (found ? caught : missed) += 1;
    std::printf("%s  %s: %s (%" PRIu64 " schedules, %" PRIu64 " accesses changed)%s%s\n",
                found ? "caught" : "MISSED", describe(mutation).c_str(),
                found ? result.caught_by.c_str() : "by no case", result.schedules, result.mutated_accesses,
                found ? ": " : "", result.message.c_str());
    std::fflush(stdout);
  }
  std::printf("%d faults caught, %d missed, seed %" PRIu64 "\n", caught, missed, arguments.seed);
  return missed == 0 && caught > 0;
}

void print_places() {
  for (const Place& place : places_of_cases()) {
    std::printf("%s %u %u %s %s\n", place.file.c_str(), place.line, place.column,
                place.part == Part::exchange        ? "exchange"
                : place.part == Part::failure_order ? "failure"
                                                    : "order",
                name_of(place.order));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.seed = std::random_device{}();
  for (int index = 1; index < argc; ++index) {
    const std::string name = argv[index];
    const auto number = [&]() -> std::uint64_t {
      return index + 1 < argc ? std::strtoull(argv[++index], nullptr, 10) : 0;
    };
    if (name == "--random")
      arguments.random = number();
    else if (name == "--mutations")
      arguments.mutations = number();
    else if (name == "--max")
      arguments.max = number();
    else if (name == "--seed")
      arguments.seed = number();
    else if (name == "--all")
      arguments.all = true;
    else if (name == "--weak")
      arguments.weak = true;
    else if (name == "--places")
      arguments.places = true;
    else if (name == "--case" && index + 1 < argc)
      arguments.only = argv[++index];
    else {
      std::fputs(kHelp, name == "--help" ? stdout : stderr);
      return name == "--help" ? 0 : 2;
    }
  }
  if (arguments.places) print_places();
  bool good = true;
  if (arguments.all || arguments.random > 0) good &= explore(arguments);
  if (arguments.mutations > 0) good &= mutate(arguments);
  return good ? 0 : 1;
}
