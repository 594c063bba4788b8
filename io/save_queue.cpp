// SPDX-License-Identifier: Apache-2.0
#include "save_queue.hpp"

#include <varscope/error.hpp>

#include <system_error>
#include <utility>

namespace varscope::io {

bool PendingSave::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

void PendingSave::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_; });
  if (error_ != nullptr) std::rethrow_exception(error_);
}

void PendingSave::finish(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
    done_ = true;
  }
  changed_.notify_all();
}

SaveQueue::~SaveQueue() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SaveQueue::add(std::shared_ptr<PendingSave> save, std::function<void(PendingSave&)> work) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { run(); });
      } catch (const std::system_error& error) {
        throw RuntimeError("cannot save to '" + save->path() +
                           "' in the background: there can be no thread (" + error.what() + "). Use save()");
      }
    }
    jobs_.push_back({std::move(save), std::move(work)});
  }
  changed_.notify_all();
}

void SaveQueue::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    std::exception_ptr error;
    try {
      job.work(*job.save);
    } catch (...) {
      error = std::current_exception();
    }
    job.work = {};  // lets go of the values before anybody hears that it is done
    job.save->finish(std::move(error));
  }
}

}  // namespace varscope::io
