// SPDX-License-Identifier: Apache-2.0
// SaveQueue: one thread that works off the asynchronous saves of a Saver, in the order in which they were
// asked for.
#pragma once

#include "checkpoint_writer.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace varscope::io {

/// One save that was asked for, and what became of it. Thread-safe.
class PendingSave {
 public:
  explicit PendingSave(std::string path) : path_(std::move(path)) {}

  /// The file that it makes.
  const std::string& path() const noexcept { return path_; }
  WriteProgress& progress() noexcept { return progress_; }
  const WriteProgress& progress() const noexcept { return progress_; }

  bool done() const;

  /// Returns when it is done. Throws what the save has thrown.
  void wait() const;

  /// Call it once. `error` is null if all went well.
  void finish(std::exception_ptr error);

 private:
  const std::string path_;
  WriteProgress progress_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool done_ = false;         // protected by mutex_
  std::exception_ptr error_;  // protected by mutex_
};

/// Limits: the thread is started by the first save and runs until the queue is destroyed, which waits for all
/// saves that were asked for; what they hold, the versions of the variables above all, is held until then.
class SaveQueue {
 public:
  SaveQueue() = default;
  ~SaveQueue();
  SaveQueue(const SaveQueue&) = delete;
  SaveQueue& operator=(const SaveQueue&) = delete;

  /// Has `work` done by the thread, and tells `save` how it went. Waits for nothing. Thread-safe. Throws
  /// RuntimeError if there can be no thread; then `work` is not done.
  void add(std::shared_ptr<PendingSave> save, std::function<void(PendingSave&)> work);

 private:
  struct Job {
    std::shared_ptr<PendingSave> save;
    std::function<void(PendingSave&)> work;
  };

  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // protected by mutex_
  bool ending_ = false;   // protected by mutex_
  std::thread thread_;    // protected by mutex_ until the end
};

}  // namespace varscope::io
