// SPDX-License-Identifier: Apache-2.0
// The system's file calls, counted; one of them, or one kind, fails, is interrupted, moves only a part, or is
// the last thing that the process does.
#pragma once

#include "system_calls.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <limits>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace varscope::testing {

class FaultySystemCalls final : public io::SystemCalls {
 public:
  enum class Fault {
    none,
    fails,        // with the errno, before it has any effect
    interrupted,  // EINTR, once
    partial,      // a transfer moves one byte less than asked, at least one; others are as always
    kills,        // the process, before the call
  };

  FaultySystemCalls() = default;
  FaultySystemCalls(Fault fault, std::size_t call, int error_number = EIO)
      : fault_(fault), call_(call), error_number_(error_number) {}

  // Names of the calls so far. Not with threads.
  std::vector<std::string> calls;

  int open(const char* path, int flags, mode_t mode) override {
    if (fault("open")) return -1;
    const int descriptor = SystemCalls::open(path, flags, mode);
    if (descriptor >= 0) ++open_descriptors;
    return descriptor;
  }
  int close(int descriptor) override {
    fault("close");  // there is nothing to do about it
    --open_descriptors;
    return SystemCalls::close(descriptor);
  }
  ssize_t pread(int descriptor, void* into, std::size_t size, std::uint64_t offset) override {
    if (fault("pread")) return -1;
    return SystemCalls::pread(descriptor, into, part_of(size), offset);
  }
  ssize_t pwrite(int descriptor, const void* from, std::size_t size, std::uint64_t offset) override {
    if (fault("pwrite")) return -1;
    return SystemCalls::pwrite(descriptor, from, part_of(size), offset);
  }
  int fallocate(int descriptor, std::uint64_t size) override {
    return fault("fallocate") ? -1 : SystemCalls::fallocate(descriptor, size);
  }
  int ftruncate(int descriptor, std::uint64_t size) override {
    return fault("ftruncate") ? -1 : SystemCalls::ftruncate(descriptor, size);
  }
  int fdatasync(int descriptor) override {
    return fault("fdatasync") ? -1 : SystemCalls::fdatasync(descriptor);
  }
  int fsync(int descriptor) override { return fault("fsync") ? -1 : SystemCalls::fsync(descriptor); }
  int lock(int descriptor) override { return fault("lock") ? -1 : SystemCalls::lock(descriptor); }
  int fstat(int descriptor, struct stat& information) override {
    return fault("fstat") ? -1 : SystemCalls::fstat(descriptor, information);
  }
  int stat(const char* path, struct stat& information) override {
    return fault("stat") ? -1 : SystemCalls::stat(path, information);
  }
  int lstat(const char* path, struct stat& information) override {
    return fault("lstat") ? -1 : SystemCalls::lstat(path, information);
  }
  int rename(const char* from, const char* to) override {
    return fault("rename") ? -1 : SystemCalls::rename(from, to);
  }
  int unlink(const char* path) override { return fault("unlink") ? -1 : SystemCalls::unlink(path); }
  int list(const char* path, std::vector<std::string>& names) override {
    return fault("list") ? -1 : SystemCalls::list(path, names);
  }

  int open_descriptors = 0;

 private:
  // Counts the call. True if it is to fail; then errno is set.
  bool fault(const char* name) {
    const bool chosen = calls.size() == call_;
    partial_ = chosen && fault_ == Fault::partial;
    calls.emplace_back(name);
    if (!chosen || fault_ == Fault::none || fault_ == Fault::partial) return false;
    if (fault_ == Fault::kills) {
      ::kill(::getpid(), SIGKILL);
      for (;;) ::pause();
    }
    errno = fault_ == Fault::interrupted ? EINTR : error_number_;
    return true;
  }

  std::size_t part_of(std::size_t size) const { return partial_ && size > 1 ? size - 1 : size; }

  Fault fault_ = Fault::none;
  std::size_t call_ = std::numeric_limits<std::size_t>::max();
  int error_number_ = EIO;
  bool partial_ = false;
};

}  // namespace varscope::testing
