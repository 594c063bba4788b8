// SPDX-License-Identifier: Apache-2.0
#include "durable_file.hpp"

#include <varscope/error.hpp>

#include <atomic>
#include <unistd.h>

namespace varscope::io {

namespace {

constexpr int kMaxNameAttempts = 100;

struct FileBeside {
  std::string path;
  std::unique_ptr<WritableFile> file;
};

/// A new file in the same directory, hence on the same file system, under a name that nobody else uses.
FileBeside create_beside(FileSystem& files, const std::string& path) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 1;; ++attempt) {
    // Relaxed: only that the numbers differ matters.
    const unsigned number = counter.fetch_add(1, std::memory_order_relaxed);
    std::string beside = path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(number);
    try {
      std::unique_ptr<WritableFile> file = files.create(beside);
      return {std::move(beside), std::move(file)};
    } catch (const AlreadyExistsError&) {
      // Left behind by a process that was killed and had the same id; it may not be ours to remove.
      if (attempt == kMaxNameAttempts) throw;
    }
  }
}

}  // namespace

void write_durably(FileSystem& files, const std::string& path,
                   const std::function<void(WritableFile&)>& write) {
  FileBeside beside = create_beside(files, path);
  try {
    write(*beside.file);
    beside.file->sync();
    beside.file->close();
    files.rename(beside.path, path);
  } catch (...) {
    beside.file.reset();
    try {
      files.remove(beside.path);
    } catch (const Error&) {
      // The first error is the one to report.
    }
    throw;
  }
  files.sync_directory(directory_of(path));
}

}  // namespace varscope::io
