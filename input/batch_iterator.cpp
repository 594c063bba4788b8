// SPDX-License-Identifier: Apache-2.0
#include "batch_queue.hpp"

#include <varscope/batch_iterator.hpp>

namespace varscope {

BatchIterator::BatchIterator(const Array& images, const Array& labels, const BatchOptions& options)
    : queue_(std::make_unique<detail::BatchQueue>(images, labels, options)) {}

BatchIterator::~BatchIterator() = default;
BatchIterator::BatchIterator(BatchIterator&& other) noexcept = default;
BatchIterator& BatchIterator::operator=(BatchIterator&& other) noexcept = default;

Batch BatchIterator::next() {
  return queue_->next();
}

std::int64_t BatchIterator::position() const noexcept {
  return queue_->position();
}

void BatchIterator::seek(std::int64_t position) {
  queue_->seek(position);
}

bool BatchIterator::at_end() const noexcept {
  return queue_->position() >= queue_->maker().end();
}

std::int64_t BatchIterator::batches_per_epoch() const noexcept {
  return queue_->maker().batches_per_epoch();
}

}  // namespace varscope
