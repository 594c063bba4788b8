// SPDX-License-Identifier: Apache-2.0
// RelacyAtomic: an atomic of the Relacy race detector with the interface of std::atomic, to be given to a
// lock-free structure as its Atom. To be included before any header under test.
#pragma once

// What Relacy's header would rename below.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#pragma GCC diagnostic ignored "-Woverloaded-virtual"
#pragma GCC diagnostic ignored "-Wcast-align"
#include <relacy/relacy.hpp>
#pragma GCC diagnostic pop

// The code under test says std::memory_order_acquire, new and delete, and means them.
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno

#include "scope/plain_beside.hpp"

namespace varscope::testing {

inline rl::memory_order relacy_order(std::memory_order order) {
  switch (order) {
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    case std::memory_order_seq_cst:
      return rl::mo_seq_cst;
    default:
      return rl::mo_relaxed;
  }
}

template <typename T>
class RelacyAtomic {
  using Bits = std::uint64_t;  // Relacy's atomics hold no pointers to const
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(Bits));

 public:
  RelacyAtomic() : RelacyAtomic(T{}) {}
  RelacyAtomic(T value) {
    atomic_.store(bits(value), rl::mo_relaxed, $);
  }  // NOLINT(google-explicit-constructor)
  RelacyAtomic(const RelacyAtomic&) = delete;
  RelacyAtomic& operator=(const RelacyAtomic&) = delete;

  T load(std::memory_order order) const { return value_of(atomic_.load(relacy_order(order), $)); }
  void store(T value, std::memory_order order) { atomic_.store(bits(value), relacy_order(order), $); }
  T exchange(T value, std::memory_order order) {
    return value_of(atomic_.exchange(bits(value), relacy_order(order), $));
  }

  bool compare_exchange_strong(T& expected, T value, std::memory_order success, std::memory_order failure) {
    // Relacy knows no exchange that acquires only when it fails: there this one does so always.
    if (failure == std::memory_order_acquire) {
      if (success == std::memory_order_relaxed) success = std::memory_order_acquire;
      if (success == std::memory_order_release) success = std::memory_order_acq_rel;
    }
    Bits found = bits(expected);
    const bool exchanged = atomic_.compare_exchange_strong(found, bits(value), relacy_order(success), $,
                                                           relacy_order(failure), $);
    expected = value_of(found);
    return exchanged;
  }

  template <typename Difference>
  T fetch_add(Difference difference, std::memory_order order) {
    return value_of(atomic_.fetch_add(bits(static_cast<T>(difference)), relacy_order(order), $));
  }
  template <typename Difference>
  T fetch_sub(Difference difference, std::memory_order order) {
    return value_of(atomic_.fetch_sub(bits(static_cast<T>(difference)), relacy_order(order), $));
  }

 private:
  static Bits bits(T value) {
    Bits result = 0;
    std::memcpy(&result, &value, sizeof value);
    return result;
  }
  static T value_of(Bits bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  mutable rl::atomic<Bits> atomic_;
};

/// A value that is not atomic: Relacy looks for data races on it.
template <typename T>
class RelacyPlain {
 public:
  RelacyPlain(T value) { value_($) = value; }  // NOLINT(google-explicit-constructor)
  RelacyPlain(const RelacyPlain&) = delete;
  RelacyPlain& operator=(const RelacyPlain&) = delete;
  ~RelacyPlain() { value_($) = T{}; }
  operator T() const { return value_($); }  // NOLINT(google-explicit-constructor)

 private:
  mutable rl::var<T> value_;
};

}  // namespace varscope::testing

namespace varscope::detail {

template <typename T>
struct PlainBeside<testing::RelacyAtomic, T> {
  using type = testing::RelacyPlain<T>;
};

}  // namespace varscope::detail
