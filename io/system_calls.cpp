// SPDX-License-Identifier: Apache-2.0
#include "system_calls.hpp"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <unistd.h>

namespace varscope::io {

int SystemCalls::open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}

int SystemCalls::close(int descriptor) {
  return ::close(descriptor);
}

ssize_t SystemCalls::pread(int descriptor, void* into, std::size_t size, std::uint64_t offset) {
  return ::pread(descriptor, into, size, static_cast<off_t>(offset));
}

ssize_t SystemCalls::pwrite(int descriptor, const void* from, std::size_t size, std::uint64_t offset) {
  return ::pwrite(descriptor, from, size, static_cast<off_t>(offset));
}

int SystemCalls::fallocate(int descriptor, std::uint64_t size) {
#if defined(__linux__)
  return ::fallocate(descriptor, 0, 0, static_cast<off_t>(size));
#else
  static_cast<void>(descriptor), static_cast<void>(size);
  errno = ENOSYS;
  return -1;
#endif
}

int SystemCalls::ftruncate(int descriptor, std::uint64_t size) {
  return ::ftruncate(descriptor, static_cast<off_t>(size));
}

int SystemCalls::fdatasync(int descriptor) {
  return ::fdatasync(descriptor);
}

int SystemCalls::fsync(int descriptor) {
  return ::fsync(descriptor);
}

int SystemCalls::lock(int descriptor) {
  return ::flock(descriptor, LOCK_EX | LOCK_NB);
}

int SystemCalls::fstat(int descriptor, struct stat& information) {
  return ::fstat(descriptor, &information);
}

int SystemCalls::stat(const char* path, struct stat& information) {
  return ::stat(path, &information);
}

int SystemCalls::lstat(const char* path, struct stat& information) {
  return ::lstat(path, &information);
}

int SystemCalls::rename(const char* from, const char* to) {
  return ::rename(from, to);
}

int SystemCalls::unlink(const char* path) {
  return ::unlink(path);
}

int SystemCalls::list(const char* path, std::vector<std::string>& names) {
  const auto close_directory = [](DIR* open_directory) { ::closedir(open_directory); };
  const std::unique_ptr<DIR, decltype(close_directory)> directory(::opendir(path), close_directory);
  if (!directory) return -1;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    errno = 0;
  }
  return errno == 0 ? 0 : -1;
}

}  // namespace varscope::io
