// SPDX-License-Identifier: Apache-2.0
#include "support/schedule/execution.hpp"

#include "support/schedule/region.hpp"

#include <algorithm>
#include <new>

namespace varscope::testing::schedule {

namespace {

unsigned bit(int thread) {
  return 1U << static_cast<unsigned>(thread);
}

bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

bool same(const Where& one, const Where& other) {
  return one.line() == other.line() && one.column() == other.column() && one.file_name() == other.file_name();
}

}  // namespace

void Execution::run(Scenario* (*make)(const void* argument), const void* argument, int threads, Memory memory,
                    Decider& decider, Stop stop) {
  make_ = make;
  argument_ = argument;
  decider_ = &decider;
  memory_ = memory;
  stop_ = stop;
  num_threads_ = threads;
  num_steps_ = 0;
  moments_ = 0;
  enabled_ = 0;
  stopped_ = false;
  self_ = 0;
  outcome_ = {};
  for (int thread = 0; thread < kMaxThreads; ++thread) {
    clocks_[thread] = {};
    clocks_[thread].at[thread] = 1;  // 0 is never
    steps_of_[thread] = 0;
  }
  current_ = this;
  begin_region();
  fibers_[0].start(enter_first_thread);
  outside_.hand_over_to(fibers_[0]);
  end_region();
  current_ = nullptr;
}

void Execution::enter_first_thread() {
  current_->run_first_thread();
}

void Execution::enter_thread() {
  current_->run_thread();
}

void Execution::run_first_thread() {
  scenario_ = make_(argument_);
  starting_ = true;
  for (int thread = 1; thread <= num_threads_; ++thread) {
    clocks_[thread].join(clocks_[0]);
    ++clocks_[0].at[0];
    self_ = thread;
    fibers_[thread].start(enter_thread);
    fibers_[0].hand_over_to(fibers_[thread]);  // up to its first access
  }
  starting_ = false;
  self_ = 0;
  hand_over_to_next();
  for (const Clock& clock : clocks_) clocks_[0].join(clock);
  ++clocks_[0].at[0];
  scenario_->finish();
  if (!stopped_) {
    delete scenario_;
    if (num_region_objects() != 0) {
      fail(std::to_string(num_region_objects()) + " objects that were made in it were never deleted");
    }
  }
  outcome_.complete = true;
  leave();
}

void Execution::run_thread() {
  const int self = self_;
  scenario_->run(self);
  enabled_ &= ~bit(self);
  if (starting_) {
    fibers_[self].hand_over_to(fibers_[0]);
  } else {
    hand_over_to_next();
  }
  __builtin_unreachable();  // nobody hands over to a thread that has ended
}

void Execution::leave() noexcept {
  fibers_[self_].hand_over_to(outside_);
  __builtin_unreachable();
}

void Execution::fail(std::string message) noexcept {
  {
    const OutsideRegion outside;
    outcome_.failed = true;
    outcome_.message = "thread " + std::to_string(self_) + ": " + message + "\n" + describe_schedule();
  }
  leave();
}

std::string Execution::describe_schedule() const {
  std::string text;
  for (int index = std::max(0, num_steps_ - 120); index < num_steps_; ++index) {
    const Step& step = steps_[static_cast<std::size_t>(index)];
    const std::string_view file = step.where.file_name();
    text += "  " + std::string(static_cast<std::size_t>(step.thread) * 2, ' ') + std::to_string(step.thread) +
            " " + std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(step.where.line()) +
            (step.access == Access::read ? " reads " : " writes ") + std::to_string(step.value) + "\n";
  }
  return text;
}

void Execution::hand_over_to_next() noexcept {
  const int self = self_;
  if (stop_.thread != 0 && steps_of_[stop_.thread] >= stop_.after && (enabled_ & bit(stop_.thread)) != 0) {
    enabled_ &= ~bit(stop_.thread);
    stopped_ = true;
  }
  int next = 0;
  if (enabled_ != 0) {
    next = decider_->next_thread(enabled_, self);
    if (next < 0) leave();
  }
  if (next == self) return;
  self_ = next;
  fibers_[self].hand_over_to(fibers_[next]);
}

void Execution::reach(Location& location, Access access, const Where& where) noexcept {
  const int self = self_;
  if (self != 0) {
    if (num_steps_ == max_steps) fail("it does not end");
    pending_[self] = {where, &location, 0, access, static_cast<std::uint8_t>(self)};
    enabled_ |= bit(self);
    if (starting_) {
      fibers_[self].hand_over_to(fibers_[0]);
    } else {
      hand_over_to_next();
    }
  }
  ++clocks_[self].at[self];
  check_usable(location);
}

void Execution::done(std::uint64_t value) noexcept {
  // What the thread does between two accesses is later than the first of them.
  ++clocks_[self_].at[self_];
  if (self_ == 0) return;
  Step& step = steps_[static_cast<std::size_t>(num_steps_)];
  step = pending_[self_];
  step.value = value;
  ++steps_of_[self_];
  ++num_steps_;
  decider_->made(step);
}

void Execution::check_usable(Location& location) noexcept {
  if (!location.alive) fail("uses an atomic after its end");
  if (!clocks_[self_].covers(location.created_by, location.created_at)) {
    fail("uses an atomic that thread " + std::to_string(location.created_by) +
         " has made, but nothing orders the two");
  }
  location.last_access[self_] = moment();
}

void Execution::create(Location& location, std::uint64_t value) noexcept {
  location.created_by = self_;
  location.created_at = moment();
  location.first.value = value;
  location.first.seen[self_] = moment();
  location.newest = &location.first;
  location.alive = true;
}

void Execution::destroy(Location& location) noexcept {
  if (!location.alive) fail("destroys an atomic twice");
  for (int thread = 0; thread <= num_threads_; ++thread) {
    if (!clocks_[self_].covers(thread, location.last_access[thread])) {
      fail("destroys an atomic that thread " + std::to_string(thread) +
           " has used, but nothing orders the two");
    }
  }
  location.alive = false;
}

bool Execution::known(const Store& store) const noexcept {
  for (int thread = 0; thread <= num_threads_; ++thread) {
    if (store.seen[thread] != 0 && clocks_[self_].covers(thread, store.seen[thread])) return true;
  }
  return false;
}

int Execution::choose(int count) noexcept {
  return count > 1 && self_ != 0 ? decider_->next_value(count) : 0;
}

std::uint64_t Execution::take(Store& store, std::memory_order order) noexcept {
  if (store.seen[self_] == 0) store.seen[self_] = moment();
  if (acquires(order)) clocks_[self_].join(store.released);
  return store.value;
}

void Execution::put(Location& location, std::uint64_t value, std::memory_order order,
                    const Store* replaced) noexcept {
  Store& store = *new (allocate_uncounted(sizeof(Store))) Store;
  store.value = value;
  store.seen[self_] = moment();
  store.sequential = order == std::memory_order_seq_cst;
  if (releases(order)) store.released = clocks_[self_];
  if (replaced != nullptr) store.released.join(replaced->released);  // a release sequence goes on
  store.older = location.newest;
  location.newest = &store;
}

std::uint64_t Execution::load(Location& location, std::memory_order stated, const Where& where) noexcept {
  const std::memory_order order = effective_order(stated, where, Part::order, true, false);
  reach(location, Access::read, where);
  int count = 1;
  if (memory_ == Memory::weak) {
    // Nobody may read a store older than one that it knows of, nor, seq_cst, than one that is seq_cst.
    for (const Store* store = location.newest; !known(*store); store = store->older) {
      if (order == std::memory_order_seq_cst && store->sequential) break;
      ++count;
    }
  }
  Store* store = location.newest;
  for (int choice = choose(count); choice > 0; --choice) store = store->older;
  const std::uint64_t value = take(*store, order);
  done(value);
  return value;
}

void Execution::store(Location& location, std::uint64_t value, std::memory_order stated,
                      const Where& where) noexcept {
  const std::memory_order order = effective_order(stated, where, Part::order, false, true);
  reach(location, Access::write, where);
  put(location, value, order, nullptr);
  done(value);
}

bool Execution::compare_exchange(Location& location, std::uint64_t& expected, std::uint64_t value,
                                 std::memory_order success, std::memory_order failure, bool weak,
                                 const Where& where) noexcept {
  success = effective_order(success, where, Part::order, false, false);
  failure = effective_order(failure, where, Part::failure_order, true, false);
  if (is_split(where)) {
    reach(location, Access::read, where);
    const std::uint64_t found = take(*location.newest, success);
    done(found);
    if (found != expected) {
      expected = found;
      return false;
    }
    reach(location, Access::write, where);
    put(location, value, success, nullptr);
    done(value);
    return true;
  }
  reach(location, Access::write, where);
  // It succeeds on the newest store only. It may fail on any that a load may read, if the value differs.
  Store* const newest = location.newest;
  int count = 1;
  if (memory_ == Memory::weak) {
    for (const Store* store = newest; !known(*store);) {
      if (failure == std::memory_order_seq_cst && store->sequential) break;
      store = store->older;
      count += store->value != expected;
    }
  }
  const bool may_fail_spuriously = weak && newest->value == expected;
  int choice = choose(count + may_fail_spuriously);
  if (may_fail_spuriously && choice == count) {
    take(*newest, failure);
    done(newest->value);
    return false;
  }
  Store* store = newest;
  while (choice > 0) {
    store = store->older;
    choice -= store->value != expected;
  }
  if (store == newest && store->value == expected) {
    take(*store, success);
    put(location, value, success, store);
    done(value);
    return true;
  }
  expected = take(*store, failure);
  pending_[self_].access = Access::read;
  done(expected);
  return false;
}

std::uint64_t Execution::exchange(Location& location, std::uint64_t value, std::memory_order order,
                                  const Where& where) noexcept {
  order = effective_order(order, where, Part::order, false, false);
  if (is_split(where)) {
    const std::uint64_t found = load(location, order, where);
    reach(location, Access::write, where);
    put(location, value, order, nullptr);
    done(value);
    return found;
  }
  reach(location, Access::write, where);
  Store* const newest = location.newest;
  const std::uint64_t found = take(*newest, order);
  put(location, value, order, newest);
  done(value);
  return found;
}

std::uint64_t Execution::add(Location& location, std::uint64_t difference, std::memory_order order,
                             const Where& where) noexcept {
  order = effective_order(order, where, Part::order, false, false);
  if (is_split(where)) {
    const std::uint64_t found = load(location, order, where);
    reach(location, Access::write, where);
    put(location, found + difference, order, nullptr);
    done(found + difference);
    return found;
  }
  const bool commutes =
      memory_ == Memory::interleaving &&  // with old values to be read the order of two can be seen
      std::any_of(adds_.begin(), adds_.end(), [&](const auto& place) { return same(place, where); });
  reach(location, commutes ? Access::add : Access::write, where);
  Store* const newest = location.newest;
  const std::uint64_t found = take(*newest, order);
  put(location, found + difference, order, newest);
  done(found + difference);
  return found;
}

void Execution::learn_about_result(const Where& where, bool looked_at) noexcept {
  if (detail::watching && !looked_at) forget_exchange(where);
  const bool known =
      std::any_of(adds_.begin(), adds_.end(), [&](const auto& place) { return same(place, where); });
  if (known && looked_at) fail("the result of an addition is looked at only sometimes");
  if (known || looked_at) return;
  const OutsideRegion outside;  // the list outlives the schedule
  adds_.push_back(where);
}

void Execution::create(PlainLocation& location) noexcept {
  location.written_by = self_;
  location.written_at = moment();
  location.alive = true;
}

void Execution::read(PlainLocation& location) noexcept {
  if (!location.alive) fail("reads an object after its end");
  if (!clocks_[self_].covers(location.written_by, location.written_at)) {
    fail("reads what thread " + std::to_string(location.written_by) + " writes, and nothing orders the two");
  }
  location.last_read[self_] = moment();
}

void Execution::write(PlainLocation& location) noexcept {
  if (!location.alive) fail("writes to an object after its end");
  if (!clocks_[self_].covers(location.written_by, location.written_at)) {
    fail("writes what thread " + std::to_string(location.written_by) + " writes, and nothing orders the two");
  }
  for (int thread = 0; thread <= num_threads_; ++thread) {
    if (!clocks_[self_].covers(thread, location.last_read[thread])) {
      fail("writes what thread " + std::to_string(thread) + " reads, and nothing orders the two");
    }
  }
  location.written_by = self_;
  location.written_at = moment();
}

void Execution::destroy(PlainLocation& location) noexcept {
  write(location);
  location.alive = false;
}

}  // namespace varscope::testing::schedule
