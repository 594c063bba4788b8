// SPDX-License-Identifier: Apache-2.0
// ScheduledAtomic: a std::atomic whose accesses happen on the simulated memory of an Execution, when its
// schedule says so. Given to a lock-free structure as its Atom. Checked: a value that is not atomic, whose
// accesses are checked for data races and for use after its end.
#pragma once

#include "scope/plain_beside.hpp"
#include "support/schedule/execution.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace varscope::testing::schedule {

/// Requires: lives within a schedule.
template <typename T>
class ScheduledAtomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));

 public:
  ScheduledAtomic() noexcept : ScheduledAtomic(T{}) {}
  ScheduledAtomic(T value) noexcept {  // NOLINT(google-explicit-constructor)
    Execution::current()->create(location_, bits(value));
  }
  ScheduledAtomic(const ScheduledAtomic&) = delete;
  ScheduledAtomic& operator=(const ScheduledAtomic&) = delete;
  ~ScheduledAtomic() { Execution::current()->destroy(location_); }

  T load(std::memory_order order = std::memory_order_seq_cst, Where where = Where::current()) const noexcept {
    return value_of(Execution::current()->load(location_, order, where));
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst,
             Where where = Where::current()) noexcept {
    Execution::current()->store(location_, bits(value), order, where);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst,
             Where where = Where::current()) noexcept {
    return value_of(Execution::current()->exchange(location_, bits(value), order, where));
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order success, std::memory_order failure,
                               Where where = Where::current()) noexcept {
    return compare_exchange(expected, value, success, failure, false, where);
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order success, std::memory_order failure,
                             Where where = Where::current()) noexcept {
    return compare_exchange(expected, value, success, failure, true, where);
  }

  /// The result of fetch_add(), which notices whether anybody looks at it.
  class Sum {
   public:
    Sum(T value, Where where) noexcept : value_(value), where_(where) {}
    Sum(const Sum&) = delete;
    Sum& operator=(const Sum&) = delete;
    ~Sum() {
      if (!looked_at_) Execution::current()->learn_about_result(where_, false);
    }
    operator T() noexcept {  // NOLINT(google-explicit-constructor)
      if (!looked_at_) Execution::current()->learn_about_result(where_, true);
      looked_at_ = true;
      return value_;
    }

   private:
    T value_;
    Where where_;
    bool looked_at_ = false;
  };

  template <typename Difference>
  Sum fetch_add(Difference difference, std::memory_order order = std::memory_order_seq_cst,
                Where where = Where::current()) noexcept {
    static_assert(std::is_integral_v<T>);
    return Sum(
        static_cast<T>(Execution::current()->add(location_, bits(static_cast<T>(difference)), order, where)),
        where);
  }
  template <typename Difference>
  Sum fetch_sub(Difference difference, std::memory_order order = std::memory_order_seq_cst,
                Where where = Where::current()) noexcept {
    return fetch_add(T{0} - static_cast<T>(difference), order, where);
  }

 private:
  static std::uint64_t bits(T value) noexcept {
    std::uint64_t result = 0;
    std::memcpy(&result, &value, sizeof value);
    return result;
  }
  static T value_of(std::uint64_t bits) noexcept {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  bool compare_exchange(T& expected, T value, std::memory_order success, std::memory_order failure, bool weak,
                        const Where& where) noexcept {
    std::uint64_t found = bits(expected);
    const bool exchanged =
        Execution::current()->compare_exchange(location_, found, bits(value), success, failure, weak, where);
    expected = value_of(found);
    return exchanged;
  }

  mutable Location location_;
};

template <typename T>
class Checked {
 public:
  Checked(T value) noexcept
      :  // NOLINT(google-explicit-constructor)
        value_(std::move(value)) {
    Execution::current()->create(location_);
  }
  Checked(const Checked&) = delete;
  Checked& operator=(const Checked&) = delete;
  ~Checked() { Execution::current()->destroy(location_); }

  const T& read() const noexcept {
    Execution::current()->read(location_);
    return value_;
  }
  operator const T&() const noexcept { return read(); }  // NOLINT(google-explicit-constructor)
  void write(T value) noexcept {
    Execution::current()->write(location_);
    value_ = std::move(value);
  }

 private:
  T value_;
  mutable PlainLocation location_;
};

}  // namespace varscope::testing::schedule

namespace varscope::detail {

template <typename T>
struct PlainBeside<testing::schedule::ScheduledAtomic, T> {
  using type = testing::schedule::Checked<T>;
};

}  // namespace varscope::detail
