// SPDX-License-Identifier: Apache-2.0
#include "support/schedule/explore.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

namespace varscope::testing::schedule {

namespace {

using Threads = std::uint8_t;  // a set, one bit each

Threads only(int thread) {
  return static_cast<Threads>(1U << static_cast<unsigned>(thread));
}
bool has(Threads threads, int thread) {
  return (threads & only(thread)) != 0;
}

/// Depth-first search.
class AllSchedules final : public Decider {
 public:
  AllSchedules(Execution& execution, bool reduce) : execution_(execution), reduce_(reduce) {
    // Within a schedule nothing of the search's may be allocated.
    nodes_.reserve(Execution::max_steps);
    races_.reserve(Execution::max_steps);
  }

  /// Before each execution.
  void begin() {
    for (int thread = 0; thread < kMaxThreads; ++thread) clocks_[thread] = {};
  }

  int next_thread(unsigned enabled, int running) override {
    const auto depth = static_cast<std::size_t>(execution_.num_steps());
    if (depth < nodes_.size()) return nodes_[depth].thread;
    Node node;
    if (depth > 0 && reduce_) node.asleep = still_asleep(nodes_[depth - 1]);
    const Threads awake = static_cast<Threads>(enabled & ~unsigned{node.asleep});
    if (awake == 0) return -1;
    const int thread = has(awake, running) ? running : std::countr_zero(awake);
    node.thread = static_cast<std::uint8_t>(thread);
    node.to_explore = reduce_ ? only(thread) : awake;
    nodes_.push_back(node);
    return thread;
  }

  int next_value(int count) override {
    Node& node = nodes_[static_cast<std::size_t>(execution_.num_steps())];
    node.choices = static_cast<std::uint8_t>(count);
    return node.choice;
  }

  void made(const Step& step) override {
    const int index = execution_.num_steps() - 1;
    Node& node = nodes_[static_cast<std::size_t>(index)];
    Clock& clock = clocks_[step.thread];
    node.location = step.location;
    node.access = step.access;
    if (index >= first_new_) {
      node.number = clock.at[step.thread] + 1;
      node.previous = step.location->last_step;
      node.clock = clock;
      order(index, node);
      node.clock.at[step.thread] = node.number;
    }
    clock = node.clock;
    step.location->last_step = index;
  }

  /// After each execution: makes the next one different. False if there is no other.
  bool advance() {
    while (!nodes_.empty()) {
      Node& node = nodes_.back();
      first_new_ = static_cast<int>(nodes_.size()) - 1;
      if (node.choice + 1 < node.choices) {
        ++node.choice;
        return true;
      }
      node.explored = static_cast<Threads>(node.explored | only(node.thread));
      const unsigned left = unsigned{node.to_explore} & ~unsigned{node.explored} & ~unsigned{node.asleep};
      if (left != 0) {
        node.thread = static_cast<std::uint8_t>(std::countr_zero(left));
        node.choice = 0;
        node.choices = 1;
        return true;
      }
      nodes_.pop_back();
    }
    return false;
  }

 private:
  struct Node {
    Clock clock;  // how many steps of each thread happen before this one, or are it
    Location* location = nullptr;
    int previous = -1;         // the step before at this location
    std::uint32_t number = 0;  // among the steps of the thread
    Access access = Access::read;
    std::uint8_t thread = 0;
    std::uint8_t choice = 0;
    std::uint8_t choices = 1;
    Threads to_explore = 0;
    Threads explored = 0;
    Threads asleep = 0;
  };

  /// Whether the order of two accesses can matter.
  static bool dependent(const Location* one_location, Access one, const Location* other_location,
                        Access other) {
    return one_location == other_location && (one != other || one == Access::write);
  }

  static bool happens_before(const Node& node, const Clock& clock) {
    return clock.covers(node.thread, node.number);
  }

  /// The threads whose next step was explored before that of `node`, and does not depend on it.
  Threads still_asleep(const Node& node) const {
    Threads asleep = 0;
    for (int thread = 1; thread < kMaxThreads; ++thread) {
      if (thread == node.thread || !has(node.asleep | node.explored, thread)) continue;
      const Step& next = execution_.pending(thread);
      if (!dependent(next.location, next.access, node.location, node.access)) asleep |= only(thread);
    }
    return asleep;
  }

  /// Finds the steps that this one races with, plans to reverse each race, and sets what happens before.
  void order(int index, Node& node) {
    races_.clear();
    Clock joined = node.clock;
    for (int earlier = node.previous; earlier >= 0;) {
      const Node& other = nodes_[static_cast<std::size_t>(earlier)];
      if (dependent(other.location, other.access, node.location, node.access)) {
        if (!happens_before(other, node.clock)) {
          if (!happens_before(other, joined)) races_.push_back(earlier);
          joined.join(other.clock);
        }
        if (other.access == Access::write) break;  // all before happens before that
      }
      earlier = other.previous;
    }
    node.clock = joined;
    for (const int race : races_) plan_reversal(race, index, node);
  }

  void plan_reversal(int earlier, int index, const Node& node) {
    Node& other = nodes_[static_cast<std::size_t>(earlier)];
    // The steps after `earlier` that do not depend on it, then this one: who can begin them?
    Threads beginners = 0;
    Threads seen = 0;
    std::uint32_t first_of[kMaxThreads] = {};
    const auto consider = [&](const Node& step) {
      bool first = true;
      for (int thread = 1; thread < kMaxThreads; ++thread) {
        if (has(seen, thread) && step.clock.covers(thread, first_of[thread])) first = false;
      }
      if (!has(seen, step.thread)) {
        seen |= only(step.thread);
        first_of[step.thread] = step.number;
        if (first) beginners |= only(step.thread);
      }
    };
    for (int between = earlier + 1; between < index; ++between) {
      const Node& step = nodes_[static_cast<std::size_t>(between)];
      if (!happens_before(other, step.clock)) consider(step);
    }
    consider(node);
    if ((other.to_explore & beginners) != 0) return;
    other.to_explore |=
        has(beginners, node.thread) ? only(node.thread) : only(std::countr_zero(unsigned{beginners}));
  }

  Execution& execution_;
  const bool reduce_;
  std::vector<Node> nodes_;
  std::vector<int> races_;
  Clock clocks_[kMaxThreads];
  int first_new_ = 0;
};

/// Random numbers that are good enough and cost a nanosecond: SplitMix64.
class RandomSchedule final : public Decider {
 public:
  void begin(std::uint64_t seed) {
    state_ = seed;
    persistence_ = (1U << (next() % 8)) - 1;
  }

  int next_thread(unsigned enabled, int running) override {
    const std::uint64_t random = next();
    if ((enabled >> static_cast<unsigned>(running) & 1U) != 0 && (random & persistence_) != 0) return running;
    int which = static_cast<int>((random >> 32U) % static_cast<unsigned>(std::popcount(enabled)));
    for (; which > 0; --which) enabled &= enabled - 1;
    return std::countr_zero(enabled);
  }

  int next_value(int count) override {
    const std::uint64_t random = next();
    return (random & 1U) != 0 ? 0 : static_cast<int>((random >> 32U) % static_cast<unsigned>(count));
  }

 private:
  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }

  std::uint64_t state_ = 0;
  std::uint64_t persistence_ = 0;  // how rarely another thread gets its turn: bits that must be zero
};

/// Whether to go on.
bool count_outcome(const Execution& execution, Exploration& result) {
  const Execution::Outcome& outcome = execution.outcome();
  if (outcome.complete || outcome.failed) {
    ++result.schedules;
    result.stopped += execution.stopped();
  } else {
    ++result.pruned;
  }
  result.longest = std::max(result.longest, execution.num_steps());
  if (!outcome.failed) return true;
  result.failed = true;
  result.message = outcome.message;
  return false;
}

}  // namespace

namespace detail {

Exploration explore_all(MakeScenario make, const void* argument, int threads, const ExploreOptions& options) {
  const auto execution = std::make_unique<Execution>();
  AllSchedules schedules(*execution, options.reduce);
  Exploration result;
  for (;;) {
    schedules.begin();
    execution->run(make, argument, threads, options.memory, schedules, options.stop);
    if (!count_outcome(*execution, result)) return result;
    if (!schedules.advance()) {
      result.exhausted = true;
      return result;
    }
    if (result.schedules == options.max_schedules && options.max_schedules != 0) return result;
  }
}

Exploration explore_random(MakeScenario make, const void* argument, int threads, std::uint64_t seed,
                           std::uint64_t count, const ExploreOptions& options) {
  const auto execution = std::make_unique<Execution>();
  RandomSchedule schedule;
  Exploration result;
  for (std::uint64_t number = 0; number < count; ++number) {
    schedule.begin(seed * 0xD1342543DE82EF95U + number);
    execution->run(make, argument, threads, options.memory, schedule, options.stop);
    if (!count_outcome(*execution, result)) {
      result.message =
          "schedule " + std::to_string(number) + " of seed " + std::to_string(seed) + ": " + result.message;
      return result;
    }
  }
  return result;
}

}  // namespace detail

}  // namespace varscope::testing::schedule
