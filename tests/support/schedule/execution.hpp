// SPDX-License-Identifier: Apache-2.0
// Execution: one run of a scenario, thread by thread under a schedule, on a simulated memory.
//
// The memory is that of C++20, as the atomic accesses state their orders: a location keeps all stores ever
// made to it, and a load may be given any of them that coherence, happens-before and the order of seq_cst
// accesses permit. Two things of the standard are left out. Stores to one location become visible in the
// order in which they were made, so a store is never placed before one that another thread has made already.
// And no value comes from the future. Fences are not there, since the library uses none.
#pragma once

#include "support/schedule/clock.hpp"
#include "support/schedule/fiber.hpp"
#include "support/schedule/mutation.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace varscope::testing::schedule {

/// One store to a location: its value and what it publishes.
struct Store {
  std::uint64_t value = 0;
  Clock released;                        // what happens before whoever acquires this store
  std::uint32_t seen[kMaxThreads] = {};  // when each thread first read or wrote it; 0: never
  Store* older = nullptr;
  bool sequential = false;  // seq_cst
};

/// What the simulated memory knows of one atomic object; it lies within that object.
struct Location {
  Store first;
  Store* newest = nullptr;
  std::uint32_t last_access[kMaxThreads] = {};
  std::uint32_t created_at = 0;
  int created_by = 0;
  int last_step = -1;
  bool alive = false;
};

/// The same of an object that is not atomic. It keeps its value itself.
struct PlainLocation {
  std::uint32_t last_read[kMaxThreads] = {};
  std::uint32_t written_at = 0;
  int written_by = 0;
  bool alive = false;
};

/// What a scenario does: made anew for each schedule by thread 0. Everything it allocates is taken back at
/// once when the schedule ends.
class Scenario {
 public:
  virtual ~Scenario() = default;
  /// The work of thread 1, 2, ...
  virtual void run(int thread) = 0;
  /// By thread 0 after all of them have ended.
  virtual void finish() {}
};

enum class Access : std::uint8_t {
  read,
  write,
  add,  // its result is not looked at: two of them commute
};

/// One access in a schedule.
struct Step {
  Where where;
  Location* location = nullptr;
  std::uint64_t value = 0;  // read or written
  Access access = Access::read;
  std::uint8_t thread = 0;
};

enum class Memory {
  interleaving,  // a load gives the newest store
  weak,          // a load may give any store that is permitted
};

/// Decides what happens next; one for exhaustive search, one for random schedules.
class Decider {
 public:
  virtual ~Decider() = default;
  /// The next thread of those that have a step to make; a negative number ends the execution.
  virtual int next_thread(unsigned enabled, int running) = 0;
  /// One of 0 .. count - 1, where 0 is what happens on a strong memory.
  virtual int next_value(int count) = 0;
  /// After the access that was decided on has been made, as number num_steps() - 1.
  virtual void made(const Step&) {}
};

class Execution {
 public:
  static constexpr int max_steps = 20000;

  struct Outcome {
    bool complete = false;  // not given up by the decider
    bool failed = false;
    std::string message;
  };

  struct Stop {  // a thread that stops for ever after so many steps
    int thread = 0;
    int after = 0;
  };

  Execution() = default;
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// Runs one schedule. `make` is called in it, with `argument`.
  void run(Scenario* (*make)(const void* argument), const void* argument, int threads, Memory memory,
           Decider& decider, Stop stop);

  const Outcome& outcome() const noexcept { return outcome_; }
  /// How many accesses were made, by all threads and by one.
  int num_steps() const noexcept { return num_steps_; }
  int num_steps_of(int thread) const noexcept { return steps_of_[thread]; }
  /// The access that a thread waits to make.
  const Step& pending(int thread) const noexcept { return pending_[thread]; }

  /// The one that is running, or nullptr.
  static Execution* current() noexcept { return current_; }

  // The accesses.
  void create(Location& location, std::uint64_t value) noexcept;
  void destroy(Location& location) noexcept;
  std::uint64_t load(Location& location, std::memory_order order, const Where& where) noexcept;
  void store(Location& location, std::uint64_t value, std::memory_order order, const Where& where) noexcept;
  bool compare_exchange(Location& location, std::uint64_t& expected, std::uint64_t value,
                        std::memory_order success, std::memory_order failure, bool weak,
                        const Where& where) noexcept;
  std::uint64_t exchange(Location& location, std::uint64_t value, std::memory_order order,
                         const Where& where) noexcept;
  /// Gives the value before.
  std::uint64_t add(Location& location, std::uint64_t difference, std::memory_order order,
                    const Where& where) noexcept;
  /// Whether the result of the add() just made is looked at, which is known only afterwards.
  void learn_about_result(const Where& where, bool looked_at) noexcept;

  void create(PlainLocation& location) noexcept;
  void destroy(PlainLocation& location) noexcept;
  void read(PlainLocation& location) noexcept;
  void write(PlainLocation& location) noexcept;

  Memory memory() const noexcept { return memory_; }
  /// Whether a thread was stopped for ever.
  bool stopped() const noexcept { return stopped_; }
  int running() const noexcept { return self_; }
  /// What the running thread knows, and a moment that is later than all before it in this schedule: for
  /// histories.
  const Clock& clock() const noexcept { return clocks_[self_]; }
  int now() noexcept { return ++moments_; }

  /// Ends the schedule as failed.
  [[noreturn]] void fail(std::string message) noexcept;

 private:
  static void enter_first_thread();
  static void enter_thread();
  void run_first_thread();
  void run_thread();

  std::uint32_t moment() const noexcept { return clocks_[self_].at[self_]; }
  void reach(Location& location, Access access, const Where& where) noexcept;
  void done(std::uint64_t value) noexcept;
  void hand_over_to_next() noexcept;
  [[noreturn]] void leave() noexcept;
  void check_usable(Location& location) noexcept;
  bool known(const Store& store) const noexcept;
  std::uint64_t take(Store& store, std::memory_order order) noexcept;
  void put(Location& location, std::uint64_t value, std::memory_order order, const Store* replaced) noexcept;
  int choose(int count) noexcept;
  std::string describe_schedule() const;

  static inline Execution* current_ = nullptr;

  Fiber outside_;
  Fiber fibers_[kMaxThreads];
  Clock clocks_[kMaxThreads];
  Step pending_[kMaxThreads];
  int steps_of_[kMaxThreads] = {};
  std::vector<Step> steps_ = std::vector<Step>(max_steps);
  std::vector<Where> adds_;  // places whose results are not looked at
  Scenario* (*make_)(const void*) = nullptr;
  const void* argument_ = nullptr;
  Scenario* scenario_ = nullptr;
  Decider* decider_ = nullptr;
  Outcome outcome_;
  Memory memory_ = Memory::weak;
  Stop stop_;
  unsigned enabled_ = 0;
  int num_threads_ = 0;
  int num_steps_ = 0;
  int self_ = 0;
  bool starting_ = false;
  bool stopped_ = false;
  int moments_ = 0;
};

/// From when to when something was done in a schedule.
class Interval {
 public:
  void begin() noexcept {
    Execution& execution = *Execution::current();
    thread_ = execution.running();
    clock_ = execution.clock();
    began_ = execution.now();
  }
  void end() noexcept {
    Execution& execution = *Execution::current();
    ended_in_thread_ = execution.clock().at[thread_];
    ended_ = execution.now();
  }
  bool ended() const noexcept { return ended_ != 0; }

  /// Whether it ended before `other` began: by the clock on the wall where memory is that of an interleaving.
  /// On weak memory there is no such clock; there, whether it happens before.
  bool precedes(const Interval& other) const noexcept {
    if (Execution::current()->memory() == Memory::interleaving) return ended() && ended_ < other.began_;
    return ended() && other.clock_.covers(thread_, ended_in_thread_);
  }

 private:
  Clock clock_;
  std::uint32_t ended_in_thread_ = 0;
  int thread_ = 0;
  int began_ = 0;
  int ended_ = 0;
};

/// Ends the schedule as failed unless the condition holds.
inline void require(bool condition, const char* what) {
  if (!condition) Execution::current()->fail(what);
}

}  // namespace varscope::testing::schedule
