// SPDX-License-Identifier: Apache-2.0
// What threads do to the registry of a graph and to its list of variables, under a scheduler: create a
// variable, look one up, make the table grow, enumerate. Each schedule is judged by what the operations gave.
#pragma once

#include "engine/schedules/scenario_keys.hpp"
#include "scope/append_only_list.hpp"
#include "scope/arena.hpp"
#include "scope/registry.hpp"
#include "support/linearizability.hpp"
#include "support/schedule/scheduled_atomic.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace varscope::testing {

/// What a thread does in one step of a program.
struct RegistryAction {
  enum Kind { create, lookup, enumerate } kind;
  int key = 0;
};

/// What each of the threads does, one after the other.
struct RegistryProgram {
  std::vector<std::vector<RegistryAction>> threads;
  int made_before = 0;    // so many keys, from the last one down, are there at the beginning
  bool with_list = true;  // creations put variables into the list
};

/// The memory of entries, which is a matter of its own (see the tests of the arena), comes from `Memory`.
template <typename Memory>
class RegistryScenario : public schedule::Scenario {
 public:
  explicit RegistryScenario(const RegistryProgram& program) : program_(program), registry_(4) {
    history_.reserve(16);
    intervals_.reserve(16);
    enumerations_.reserve(16);
    for (int made = 0, number = 0; made < program.made_before; ++made) {
      create(0, ScenarioKeys::kCount - 1 - made, &number);
    }
  }

  ~RegistryScenario() override {
    registry_.for_each([](Entry& entry) {
      if (entry.owns_variable()) delete record_of(entry.variable());
    });
  }

  void run(int thread) override {
    for (const RegistryAction& action : program_.threads[static_cast<std::size_t>(thread - 1)]) {
      perform(thread, action);
    }
  }

  void finish() override {
    schedule::require(schedule::Execution::current()->stopped() || !registry_.growing(),
                      "the newest table has a next when all is done");
    for (const Enumeration& enumeration : enumerations_) check(enumeration);
    for (std::size_t call = 0; call < history_.size(); ++call) {
      for (std::size_t other = 0; other < history_.size(); ++other) {
        if (intervals_[other].precedes(intervals_[call]))
          history_[call].predecessors |= std::uint64_t{1} << other;
      }
    }
    // On weak memory, where nothing is seq_cst, the calls of each key have a serial order, but not all
    // together.
    if (schedule::Execution::current()->memory() == schedule::Memory::interleaving) {
      schedule::require(is_linearizable(history_, RegistrySpecification{}),
                        "no serial order gives these results");
    } else {
      for (int key = 0; key < ScenarioKeys::kCount; ++key) check_key(key);
    }
  }

 private:
  template <typename T>
  using Atom = schedule::ScheduledAtomic<T>;
  using Registry = detail::Registry<schedule::ScheduledAtomic, Memory, 1>;
  using Entry = typename Registry::Entry;

  /// As VariableRecord: whoever finds it before it is complete completes it.
  struct Record {
    Record(int of_key, int by_thread) : key(of_key), number(by_thread) {}
    schedule::Checked<int> key;
    schedule::Checked<int> number;
    Atom<std::size_t> position{static_cast<std::size_t>(-1)};
    Atom<bool> complete{false};
    schedule::Interval made;
  };
  using List = detail::AppendOnlyList<Record, schedule::ScheduledAtomic, 1, 4>;

  struct Enumeration {
    schedule::Interval made;
    std::vector<Record*> found;
  };

  static Record* record_of(detail::VariableRecord* variable) { return reinterpret_cast<Record*>(variable); }

  void perform(int thread, const RegistryAction& action) {
    if (action.kind == RegistryAction::enumerate) {
      enumerate();
      return;
    }
    const std::size_t place = history_.size();
    Call call;
    call.thread = thread;
    call.creates = action.kind == RegistryAction::create;
    call.key = action.key;
    call.pending = true;
    history_.push_back(call);
    intervals_.emplace_back().begin();
    const int result =
        call.creates ? create(thread, action.key, &history_[place].result) : lookup(action.key);
    intervals_[place].end();
    history_[place].result = result;
    history_[place].pending = false;
  }

  void complete(Record& record) {
    if (!program_.with_list) return;
    if (record.complete.load(std::memory_order_acquire)) return;
    list_.store(list_.agree_on_position(record.position), &record);
    record.complete.store(true, std::memory_order_release);
  }

  /// Gives the number of the record that is there now, and before anything happens that of the one to be
  /// made.
  int create(int thread, int key, int* number) {
    *number = next_number_++ * 10 + thread;
    auto* const fresh = new Record(key, *number);
    fresh->made.begin();
    Entry& entry = registry_.find_or_insert(detail::Path(scenario_keys[key]));
    schedule::require(entry.key() == scenario_keys[key], "an entry has another key");
    Record* const winner = record_of(entry.set_variable(reinterpret_cast<detail::VariableRecord*>(fresh)));
    if (winner != fresh) delete fresh;
    complete(*winner);
    if (winner == fresh) fresh->made.end();
    schedule::require(winner->key.read() == key, "a variable is under another key");
    return winner->number.read();
  }

  int lookup(int key) {
    const Entry* const entry = registry_.find(detail::Path(scenario_keys[key]));
    if (entry == nullptr) return RegistrySpecification::kAbsent;
    schedule::require(entry->key() == scenario_keys[key], "an entry has another key");
    Record* const record = record_of(entry->variable());
    if (record == nullptr) return RegistrySpecification::kAbsent;
    complete(*record);
    schedule::require(record->key.read() == key, "a variable is under another key");
    return record->number.read();
  }

  void enumerate() {
    Enumeration enumeration;
    enumeration.found.reserve(8);
    enumeration.made.begin();
    list_.for_each([&](Record& record) {
      (void)record.number.read();  // whole before visible
      enumeration.found.push_back(&record);
    });
    enumeration.made.end();
    enumerations_.push_back(std::move(enumeration));
  }

  void check_key(int key) {
    std::vector<Call> calls;
    calls.reserve(history_.size());
    std::vector<std::size_t> places;
    places.reserve(history_.size());
    for (std::size_t call = 0; call < history_.size(); ++call) {
      if (history_[call].key != key) continue;
      calls.push_back(history_[call]);
      calls.back().predecessors = 0;
      for (std::size_t other = 0; other < places.size(); ++other) {
        if ((history_[call].predecessors >> places[other] & 1U) != 0) {
          calls.back().predecessors |= std::uint64_t{1} << other;
        }
      }
      places.push_back(call);
    }
    schedule::require(is_linearizable(calls, RegistrySpecification{}),
                      "no serial order gives the results of a key");
  }

  /// What AppendOnlyList promises of an enumeration.
  void check(const Enumeration& enumeration) {
    std::size_t place = 0;
    list_.for_each([&](Record& record) {
      const bool is_next = place < enumeration.found.size() && enumeration.found[place] == &record;
      place += is_next;
      schedule::require(is_next || !record.made.precedes(enumeration.made),
                        "an enumeration misses what was made before it");
      schedule::require(!is_next || !enumeration.made.precedes(record.made),
                        "an enumeration has what was made after it");
    });
    schedule::require(place == enumeration.found.size(), "an enumeration is not in the order of creation");
  }

  const RegistryProgram& program_;
  Registry registry_;
  List list_;
  std::vector<Call> history_;
  std::vector<schedule::Interval> intervals_;
  std::vector<Enumeration> enumerations_;
  int next_number_ = 1;
};

}  // namespace varscope::testing
