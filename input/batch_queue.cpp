// SPDX-License-Identifier: Apache-2.0
#include "batch_queue.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace varscope::detail {

namespace {

constexpr int kMostAhead = 1024;

std::size_t require_count(const char* option, int count, int least) {
  if (count >= least && count <= kMostAhead) return static_cast<std::size_t>(count);
  throw ValueError(std::string(option) + " is " + std::to_string(count) + ", but must be " +
                   std::to_string(least) + " to " + std::to_string(kMostAhead));
}

}  // namespace

BatchQueue::BatchQueue(const Array& images, const Array& labels, const BatchOptions& options)
    : maker_(images, labels, options), slots_(require_count("prefetch", options.prefetch, 0)) {
  const std::size_t threads = std::min(require_count("threads", options.threads, 1), slots_.size());
  threads_.reserve(threads);
  try {
    while (threads_.size() < threads) threads_.emplace_back([this] { run(); });
  } catch (const std::system_error& error) {
    stop();
    throw RuntimeError("cannot make batches ahead: there can be no thread (" + std::string(error.what()) +
                       "). Set prefetch to 0");
  } catch (...) {
    stop();
    throw;
  }
}

BatchQueue::~BatchQueue() {
  stop();
}

void BatchQueue::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Batch BatchQueue::next() {
  if (position_ >= maker_.end()) {
    throw OutOfRangeError("there is no batch at position " + std::to_string(position_) +
                          ": the last epoch has ended");
  }
  if (slots_.empty()) {
    Batch batch = maker_.make(position_);
    ++position_;
    return batch;
  }
  std::unique_lock lock(mutex_);
  made_.wait(lock, [this] { return slot_of(position_).made(); });
  Slot slot = std::exchange(slot_of(position_), Slot{});
  if (slot.error != nullptr) {
    go_to(position_);  // the batch is made once more for whoever tries again
    lock.unlock();
    wanted_.notify_all();
    std::rethrow_exception(slot.error);
  }
  ++position_;
  lock.unlock();
  wanted_.notify_one();
  return std::move(*slot.batch);
}

void BatchQueue::seek(std::int64_t position) {
  if (position < 0 || position > maker_.end()) {
    throw OutOfRangeError("there is no batch at position " + std::to_string(position) +
                          "; positions go from 0 to " + std::to_string(maker_.end()));
  }
  {
    const std::lock_guard lock(mutex_);
    go_to(position);
  }
  wanted_.notify_all();
}

void BatchQueue::go_to(std::int64_t position) {
  ++visit_;
  position_ = position;
  next_to_make_ = position;
  for (Slot& slot : slots_) slot = {};
}

void BatchQueue::run() {
  const auto slots = static_cast<std::int64_t>(slots_.size());
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(
        lock, [&] { return ending_ || (next_to_make_ < maker_.end() && next_to_make_ - position_ < slots); });
    if (ending_) return;
    const std::int64_t position = next_to_make_++;
    const std::uint64_t visit = visit_;
    lock.unlock();
    Slot slot;
    try {
      slot.batch = maker_.make(position);
    } catch (...) {
      slot.error = std::current_exception();
    }
    lock.lock();
    if (visit != visit_) continue;
    slot_of(position) = std::move(slot);
    made_.notify_one();
  }
}

}  // namespace varscope::detail
