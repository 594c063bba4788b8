// SPDX-License-Identifier: Apache-2.0
// The batch at a position, made from nothing but the data, the options and the position.
#pragma once

#include "augmentation.hpp"
#include "epoch_order.hpp"

#include <varscope/batch_iterator.hpp>

#include <functional>

namespace varscope::input {

/// Const members are thread-safe, as far as the user's `map` is.
class BatchMaker {
 public:
  /// Throws what BatchIterator's constructor throws.
  BatchMaker(const Array& images, const Array& labels, const BatchOptions& options);

  std::int64_t batches_per_epoch() const noexcept { return batches_per_epoch_; }

  /// The position behind the last batch; the largest number if there is no last one.
  std::int64_t end() const noexcept { return end_; }

  /// Requires: 0 <= position < end(). Throws what BatchIterator::next() throws.
  Batch make(std::int64_t position) const;

 private:
  void map_image(const Array& images, std::int64_t number, std::uint64_t seed) const;

  Array images_;
  Array labels_;  // int32
  Augmentation augmentation_;
  std::function<Array(const Array&, std::uint64_t)> map_;
  EpochOrder order_;
  std::uint64_t seed_;
  std::int64_t examples_;
  std::int64_t batch_size_;
  bool shuffle_;
  std::int64_t batches_per_epoch_;
  std::int64_t end_;
};

}  // namespace varscope::input
