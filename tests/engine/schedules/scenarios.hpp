// SPDX-License-Identifier: Apache-2.0
// What threads do to the other lock-free structures, under a scheduler: the members of a registry entry, the
// list, the arena, and published versions.
#pragma once

#include "runtime/published.hpp"
#include "scope/append_only_list.hpp"
#include "scope/arena.hpp"
#include "scope/recent_entries.hpp"
#include "scope/registry.hpp"
#include "support/schedule/scheduled_atomic.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace varscope::testing {

template <typename T>
using Atom = schedule::ScheduledAtomic<T>;

/// Something that must be whole when it is seen.
struct Element {
  explicit Element(int of) : number(of) {}
  schedule::Checked<int> number;
};

/// Threads 1 and 2 both set every member of one entry, thread 3 reads them.
class EntryScenario final : public schedule::Scenario {
 public:
  ~EntryScenario() override {
    for (const void* element :
         {static_cast<const void*>(entry_.operation()), static_cast<const void*>(entry_.partitioned()),
          static_cast<const void*>(entry_.variable())}) {
      delete static_cast<const Element*>(element);
    }
    entry_.forget_operation();
    schedule::require(entry_.operation() == nullptr, "a deleted operation is not forgotten");
  }

  void run(int thread) override {
    if (thread == 3) {
      check(entry_.operation());
      check(entry_.partitioned());
      check(entry_.variable());
      (void)entry_.name_owner();
      return;
    }
    set<const detail::OperationNode>(thread, [&](auto* node) { return entry_.set_operation(node); });
    set<const detail::PartitionedRecord>(thread,
                                         [&](auto* record) { return entry_.set_partitioned(record); });
    set<detail::VariableRecord>(thread, [&](auto* record) { return entry_.set_variable(record); });
    if (entry_.try_claim_name(this)) ++owners_;
    entry_.set_suffix_hint(static_cast<std::uint32_t>(thread) + 1);
    entry_.set_hash_ahead(static_cast<std::uint64_t>(thread));
  }

  void finish() override {
    if (schedule::Execution::current()->stopped()) return;
    schedule::require(owners_ == 1, "a name has not one owner");
    schedule::require(entry_.suffix_hint() > 1, "the hint is lost");
    schedule::require(entry_.hash_ahead() > 0, "the hash ahead is lost");
    schedule::require(entry_.owns_variable(), "the variable is lost");
  }

 private:
  static void check(const void* element) {
    if (element != nullptr) (void)static_cast<const Element*>(element)->number.read();
  }

  /// What another thread has set is read; what is in vain is deleted.
  template <typename T, typename Set>
  static void set(int thread, const Set& set_member) {
    auto* const mine = new Element(thread);
    T* const winner = set_member(reinterpret_cast<T*>(mine));
    check(winner);
    if (static_cast<const void*>(winner) != mine) delete mine;
  }

  detail::RegistryEntry<schedule::ScheduledAtomic> entry_{0, 0};
  int owners_ = 0;
};

/// Threads 1 and 2 add elements, across the ends of segments, thread 3 enumerates; in between all of them
/// finish one addition together.
class ListScenario final : public schedule::Scenario {
 public:
  ~ListScenario() override {
    list_.for_each([](Element& element) { delete &element; });
  }

  void run(int thread) override {
    if (thread < 3) list_.push(new Element(thread * 10));
    if (thread != 2) {
      list_.store(list_.agree_on_position(agreed_), together_);
      schedule::require(contains(together_), "who has finished an addition does not see it");
    }
    if (thread < 3) list_.push(new Element(thread * 10 + 1));
    if (thread == 3) contains(nullptr);
  }

  void finish() override {
    if (schedule::Execution::current()->stopped()) return;
    std::size_t count = 0;
    int last[3] = {-1, -1, -1};
    list_.for_each([&](Element& element) {
      ++count;
      const int number = element.number.read();
      int& before = last[number / 10];
      schedule::require(number % 10 > before, "the elements of a thread are out of order");
      before = number % 10;
    });
    schedule::require(count == 5, "an element is lost");
    schedule::require(list_.size() <= 6, "there are too many positions");
  }

 private:
  bool contains(const Element* wanted) const {
    bool found = false;
    list_.for_each([&](const Element& element) {
      (void)element.number.read();
      found |= &element == wanted;
    });
    return found;
  }

  detail::AppendOnlyList<Element, schedule::ScheduledAtomic, 1, 4> list_;
  Element* const together_ = new Element(0);
  Atom<std::size_t> agreed_{decltype(list_)::no_position};
};

/// All threads add, more than are kept, and look at what they are given for it.
class RecentScenario final : public schedule::Scenario {
 public:
  ~RecentScenario() override {
    for (const auto& element : elements_) delete element.load(std::memory_order_relaxed);
  }

  void run(int thread) override {
    for (const int turn : {0, 1}) {
      const int number = (thread - 1) * 2 + turn;
      auto* const element = new Element(number);
      elements_[number].store(element, std::memory_order_relaxed);
      if (const Element* earlier = recent_.add(element)) {
        schedule::require(earlier != element, "an addition gave what it added");
        ++given_[earlier->number.read()];
      }
    }
  }

  void finish() override {
    if (schedule::Execution::current()->stopped()) return;
    int given = 0;
    for (const int times : given_) {
      schedule::require(times < 2, "an element was given twice");
      given += times;
    }
    schedule::require(given == 4, "six additions that keep two did not give four");
  }

 private:
  detail::RecentEntries<Element, schedule::ScheduledAtomic, 2> recent_;
  Atom<Element*> elements_[6];
  int given_[6] = {};
};

/// All threads allocate, some of it more than a block has.
class ArenaScenario final : public schedule::Scenario {
 public:
  void run(int thread) override {
    for (const std::size_t bytes :
         {std::size_t{16}, std::size_t{24}, std::size_t{thread == 1 ? 100U : 40U}}) {
      auto* const begin = static_cast<std::byte*>(arena_.allocate(bytes));
      pieces_[num_pieces_++] = {begin, begin + bytes};
    }
  }

  void finish() override {
    for (int one = 0; one < num_pieces_; ++one) {
      for (int other = 0; other < one; ++other) {
        schedule::require(
            pieces_[one].end <= pieces_[other].begin || pieces_[other].end <= pieces_[one].begin,
            "a byte is given out twice");
      }
    }
  }

 private:
  struct Piece {
    std::byte* begin;
    std::byte* end;
  };
  detail::Arena<schedule::ScheduledAtomic> arena_{64};
  Piece pieces_[9];
  int num_pieces_ = 0;
};

/// Writers that follow each other replace a value, readers pin it.
class PublishedScenario : public schedule::Scenario {
 public:
  enum Work { write, read, read_twice, pass_on, write_after, nothing };
  using Program = std::vector<std::vector<Work>>;

  explicit PublishedScenario(const Program& program) : program_(program) {}

  void run(int thread) override {
    int seen = 0;
    for (const Work work : program_[static_cast<std::size_t>(thread - 1)]) {
      switch (work) {
        case write:
          replace();
          break;
        case read:
          check(*published_.pin(), seen);
          break;
        case read_twice: {
          const auto pin = published_.pin();
          const auto second = published_.pin();
          check(*pin, seen);
          const int first = seen;
          check(*second, seen);
          schedule::require(pin->number.read() == first, "a pinned value changes");
          break;
        }
        case pass_on:  // the right to write
          turn_.store(1, std::memory_order_release);
          break;
        case write_after:
          if (turn_.load(std::memory_order_acquire) == 1) replace();
          break;
        case nothing:
          break;
      }
    }
  }

  void finish() override {
    if (schedule::Execution::current()->stopped()) return;  // its pin holds what it holds
    schedule::require(num_alive_ == 1, "what was replaced is not freed when the last reader has left");
    schedule::require(published_.writer_view().number.read() == last_, "the last value is not published");
  }

 private:
  struct Value {
    Value(int of, int& alive) : number(of), same(of), num_alive(alive) { ++num_alive; }
    ~Value() { --num_alive; }
    schedule::Checked<int> number;
    schedule::Checked<int> same;
    int& num_alive;
  };
  using Values = detail::Published<Value, schedule::ScheduledAtomic, 1>;

  void replace() {
    const int next = published_.writer_view().number.read() + 1;
    published_.replace(std::make_unique<Value>(next, num_alive_));
    last_ = next;
  }

  static void check(const Value& value, int& seen) {
    const int number = value.number.read();
    schedule::require(number == value.same.read(), "a value is not whole");
    schedule::require(number >= seen, "a reader goes back");
    seen = number;
  }

  const Program& program_;
  int num_alive_ = 0;
  int last_ = 0;
  Values published_{std::make_unique<Value>(0, num_alive_)};
  Atom<int> turn_{0};
};

}  // namespace varscope::testing
