// SPDX-License-Identifier: Apache-2.0
// The one seam between varscope and the operating system's files. Everything in io/ that touches a file does
// so through a FileSystem, so a test can make any single call fail, or record the calls and their order. The
// real one stands on SystemCalls, which tests replace where interrupted and partial calls matter.
//
// Errors are translated in one place, throw_system_error(): a message names the operation, the path and the
// system's reason, and the type follows from the reason (NotFoundError, ResourceExhaustedError, ...).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace varscope::io {

class SystemCalls;

/// An open file of which any part can be read. Const, hence thread-safe. Closed when destroyed.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;

  /// Its size when it was opened, in bytes.
  virtual std::uint64_t size() const = 0;

  /// Fills `into` from byte `offset` on. Throws DataLossError if the file ends before, or cannot be read.
  virtual void read_at(std::uint64_t offset, std::span<std::byte> into) const = 0;
};

/// A new file that is being written. Of different threads, each may write a part of its own. As long as it
/// lives, its writer is seen to be alive (FileSystem::remove_if_abandoned). Closed when destroyed; what
/// closing could report, sync() has.
class WritableFile {
 public:
  virtual ~WritableFile() = default;

  /// Gives the file its final size and, where the file system can, its space, so that a full disk is noticed
  /// before anything is written. All bytes are zero.
  virtual void reserve(std::uint64_t size) = 0;

  /// Writes all of `bytes` from byte `offset` on.
  virtual void write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;

  /// Returns when the device has what was written, and the size.
  virtual void sync() = 0;
};

/// What a path leads to.
struct FileStatus {
  bool is_directory = false;
  std::uint64_t size = 0;
  double modified_seconds = 0;  ///< of the system's clock, since 1970
};

/// The file calls that io/ needs. Every one throws what throw_system_error() throws. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Opens a regular file; anything else (a directory, a pipe, a device) is an InvalidArgumentError.
  virtual std::unique_ptr<ReadableFile> open(const std::string& path) = 0;

  /// Makes a new, empty file; AlreadyExistsError if there is something at `path`, or something takes the file
  /// away before it is locked.
  virtual std::unique_ptr<WritableFile> create(const std::string& path) = 0;

  /// Puts the file `from` at the place `to`, atomically replacing a file that is there.
  virtual void rename(const std::string& from, const std::string& to) = 0;

  virtual void remove(const std::string& path) = 0;

  /// Removes a file that create() made and whose writer is gone, however it ended: the lock that a writer
  /// holds is the system's, which drops it with the process. Returns whether it was removed; false for
  /// everything that is not a regular file, is in use, or on a file system without such locks.
  virtual bool remove_if_abandoned(const std::string& path) = 0;

  /// Returns when the device knows which files the directory holds.
  virtual void sync_directory(const std::string& path) = 0;

  /// Empty if there is nothing at `path`.
  virtual std::optional<FileStatus> status(const std::string& path) = 0;

  /// The names in a directory, sorted, without "." and "..".
  virtual std::vector<std::string> list(const std::string& path) = 0;
};

/// The operating system's files.
FileSystem& posix_file_system();

/// The same over calls of the caller's, which must outlive it.
std::unique_ptr<FileSystem> make_posix_file_system(SystemCalls& calls);

/// Throws the Error for an `errno` value: "cannot <operation> '<path>': <the system's reason>".
[[noreturn]] void throw_system_error(int error_number, const std::string& operation, const std::string& path);

/// The directory part of a path, "." if it has none: "checkpoints" for "checkpoints/filter.h5".
std::string directory_of(const std::string& path);

/// The last component of a path: "filter.h5" for "checkpoints/filter.h5".
std::string file_name_of(const std::string& path);

/// `name` below `directory`; `name` itself if it is absolute or the directory is ".".
std::string join_path(const std::string& directory, const std::string& name);

}  // namespace varscope::io
