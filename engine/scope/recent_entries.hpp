// SPDX-License-Identifier: Apache-2.0
// RecentEntries: what was added so many additions ago, by many threads at once.
#pragma once

#include <atomic>
#include <cstddef>

namespace varscope::detail {

/// Limits: it does not own what it points to, which must stay; between threads that add at the same time
/// "`distance` additions ago" holds but roughly. In exchange adding is one exchange, wait-free.
///
/// Invariant: an element is given back at most once, and whole.
template <typename T, template <typename> class Atom = std::atomic, std::size_t distance = 12>
class RecentEntries {
 public:
  /// Adds an element, and gives the one that was added `distance` additions before; nullptr at the beginning.
  /// Thread-safe.
  T* add(T* element) noexcept {
    // A load and a store, relaxed: of two threads that count at once one may be lost, and both use one place.
    const std::size_t added = added_.load(std::memory_order_relaxed);
    added_.store(added + 1, std::memory_order_relaxed);
    // release: publishes the element; acquire: the caller may use the other one.
    return places_[added % distance].exchange(element, std::memory_order_acq_rel);
  }

 private:
  Atom<std::size_t> added_{0};
  Atom<T*> places_[distance]{};
};

}  // namespace varscope::detail
