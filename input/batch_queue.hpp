// SPDX-License-Identifier: Apache-2.0
// Batches that threads make ahead, in order.
#pragma once

#include "batch_maker.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace varscope::detail {

/// What BatchIterator is made of; its members are documented there. The batch at position p has the slot p
/// modulo their number, from when a thread has made it until next() takes it. Limits: as many batches as
/// there are slots, and those in the making, are in memory.
class BatchQueue {
 public:
  BatchQueue(const Array& images, const Array& labels, const BatchOptions& options);
  ~BatchQueue();
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  const input::BatchMaker& maker() const noexcept { return maker_; }

  Batch next();
  std::int64_t position() const noexcept { return position_; }
  void seek(std::int64_t position);

 private:
  struct Slot {
    std::optional<Batch> batch;
    std::exception_ptr error;  // instead of it

    bool made() const noexcept { return batch.has_value() || error != nullptr; }
  };

  void run();
  void stop() noexcept;
  void go_to(std::int64_t position);  // with mutex_ locked
  Slot& slot_of(std::int64_t position) noexcept {
    return slots_[static_cast<std::size_t>(position) % slots_.size()];
  }

  const input::BatchMaker maker_;
  std::mutex mutex_;
  std::condition_variable wanted_;  // there may be a batch to make, or an end
  std::condition_variable made_;    // a slot was filled
  std::vector<Slot> slots_;         // what is in them is protected by mutex_; empty if nothing is made ahead
  std::int64_t position_ = 0;       // written by the iterator's thread, with mutex_ locked
  std::int64_t next_to_make_ = 0;   // protected by mutex_, as all below
  std::uint64_t visit_ = 0;         // counts seeks: batches of an earlier visit are dropped
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace varscope::detail
