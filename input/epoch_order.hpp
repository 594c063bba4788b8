// SPDX-License-Identifier: Apache-2.0
// In which order an epoch takes the examples.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace varscope::input {

/// Orders are computed when they are first asked for; the latest two are kept, since batches of one epoch are
/// made while those of the one before are. Thread-safe: who needs an order that another thread computes waits
/// for it.
class EpochOrder {
 public:
  using Order = std::vector<std::int64_t>;

  EpochOrder(std::int64_t examples, std::uint64_t seed) noexcept : examples_(examples), seed_(seed) {}

  /// A permutation of 0 .. examples - 1, a function of (seed, epoch). Every one is equally likely. Throws
  /// ResourceExhaustedError.
  std::shared_ptr<const Order> of(std::int64_t epoch) const;

 private:
  struct Known {
    std::int64_t epoch = -1;
    std::shared_ptr<const Order> order;
  };

  const std::int64_t examples_;
  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  mutable Known latest_;  // protected by mutex_
  mutable Known before_;  // protected by mutex_
};

}  // namespace varscope::input
