// SPDX-License-Identifier: Apache-2.0
// The operating system's file calls, one virtual function each, so that a test can make any of them fail, be
// interrupted or move fewer bytes, count them, or end the process before one. Results and errno are the
// system's own; file_system.cpp, the only user, makes sense of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>
#include <vector>

namespace varscope::io {

/// Thread-safe.
class SystemCalls {
 public:
  virtual ~SystemCalls() = default;

  virtual int open(const char* path, int flags, mode_t mode);
  virtual int close(int descriptor);
  virtual ssize_t pread(int descriptor, void* into, std::size_t size, std::uint64_t offset);
  virtual ssize_t pwrite(int descriptor, const void* from, std::size_t size, std::uint64_t offset);
  virtual int fallocate(int descriptor, std::uint64_t size);  ///< ENOSYS where the system has no such call
  virtual int ftruncate(int descriptor, std::uint64_t size);
  virtual int fdatasync(int descriptor);
  virtual int fsync(int descriptor);
  virtual int lock(int descriptor);  ///< flock(): exclusive, without waiting
  virtual int fstat(int descriptor, struct stat& information);
  virtual int stat(const char* path, struct stat& information);
  virtual int lstat(const char* path, struct stat& information);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
  virtual int list(const char* path, std::vector<std::string>& names);  ///< opendir() and readdir()
};

}  // namespace varscope::io
