// SPDX-License-Identifier: Apache-2.0
// RestlessAtomic: a std::atomic that often lets other threads run before an access. Given to a lock-free
// structure as its Atom, it brings about orders of events that are rare otherwise, above all a thread that
// stops for long between two steps.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

namespace varscope::testing {

inline void be_restless() {
  thread_local std::uint64_t state = std::hash<std::thread::id>{}(std::this_thread::get_id()) | 1U;
  state ^= state << 13U;
  state ^= state >> 7U;
  state ^= state << 17U;
  const std::uint64_t chance = state >> 32U;
  if (chance % 16 == 0) std::this_thread::yield();
  if (chance % 4096 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
}

template <typename T>
class RestlessAtomic {
 public:
  RestlessAtomic() noexcept = default;
  constexpr RestlessAtomic(T value) noexcept : atomic_(value) {}  // NOLINT(google-explicit-constructor)

  T load(std::memory_order order) const noexcept {
    be_restless();
    return atomic_.load(order);
  }
  void store(T value, std::memory_order order) noexcept {
    be_restless();
    atomic_.store(value, order);
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order success,
                               std::memory_order failure) noexcept {
    be_restless();
    return atomic_.compare_exchange_strong(expected, value, success, failure);
  }
  template <typename Difference>
  T fetch_add(Difference difference, std::memory_order order) noexcept {
    be_restless();
    return atomic_.fetch_add(static_cast<T>(difference), order);
  }
  template <typename Difference>
  T fetch_sub(Difference difference, std::memory_order order) noexcept {
    be_restless();
    return atomic_.fetch_sub(static_cast<T>(difference), order);
  }
  T exchange(T value, std::memory_order order) noexcept {
    be_restless();
    return atomic_.exchange(value, order);
  }

 private:
  std::atomic<T> atomic_{};
};

}  // namespace varscope::testing
