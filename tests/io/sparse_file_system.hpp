// SPDX-License-Identifier: Apache-2.0
// Files larger than anybody's memory, for tests: what is zero becomes a hole of the file and takes no space.
#pragma once

#include "file_system.hpp"

#include <varscope/array.hpp>
#include <varscope/error.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace varscope::testing {

class SparseFile final : public io::WritableFile {
 public:
  explicit SparseFile(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (file_ < 0) io::throw_system_error(errno, "create", path);
  }
  ~SparseFile() override { ::close(file_); }

  void reserve(std::uint64_t size) override {
    if (::ftruncate(file_, static_cast<off_t>(size)) != 0) io::throw_system_error(errno, "truncate", path_);
  }
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    constexpr std::size_t kPage = 4096;
    for (std::size_t at = 0; at < bytes.size(); at += kPage) {
      const std::span<const std::byte> page = bytes.subspan(at, std::min(kPage, bytes.size() - at));
      if (std::all_of(page.begin(), page.end(), is_zero)) continue;
      const auto written = ::pwrite(file_, page.data(), page.size(), static_cast<off_t>(offset + at));
      if (written != static_cast<ssize_t>(page.size())) io::throw_system_error(errno, "write", path_);
    }
  }
  void sync() override {}

 private:
  std::string path_;
  int file_;
};

// Reads holes without the system's help, which would fill as much memory with zeros.
class SparseReadableFile final : public io::ReadableFile {
 public:
  SparseReadableFile(std::unique_ptr<io::ReadableFile> real, const std::string& path)
      : real_(std::move(real)), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) io::throw_system_error(errno, "open", path);
  }
  ~SparseReadableFile() override { ::close(file_); }

  std::uint64_t size() const override { return real_->size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    const off_t data = ::lseek(file_, static_cast<off_t>(offset), SEEK_DATA);
    const bool is_hole = data < 0 ? errno == ENXIO : static_cast<std::uint64_t>(data) >= offset + into.size();
    if (is_hole && offset <= size() && into.size() <= size() - offset) {
      std::fill(into.begin(), into.end(), std::byte{0});
    } else {
      real_->read_at(offset, into);
    }
  }

 private:
  std::unique_ptr<io::ReadableFile> real_;
  int file_;
};

class SparseFileSystem final : public io::FileSystem {
 public:
  std::unique_ptr<io::ReadableFile> open(const std::string& path) override {
    return std::make_unique<SparseReadableFile>(real_.open(path), path);
  }
  std::unique_ptr<io::WritableFile> create(const std::string& path) override {
    return std::make_unique<SparseFile>(path);
  }
  void rename(const std::string& from, const std::string& to) override { real_.rename(from, to); }
  void remove(const std::string& path) override { real_.remove(path); }
  bool remove_if_abandoned(const std::string&) override { return false; }
  void sync_directory(const std::string&) override {}
  std::optional<io::FileStatus> status(const std::string& path) override { return real_.status(path); }
  std::vector<std::string> list(const std::string& path) override { return real_.list(path); }

 private:
  io::FileSystem& real_ = io::posix_file_system();
};

// Zeros that take no memory until they are written to: pages that are only read are all the same one.
inline Array sparse_zeros(const Shape& shape, DType dtype) {
  const std::size_t bytes = static_cast<std::size_t>(shape.num_elements()) * dtype_size(dtype);
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw ResourceExhaustedError("no address space for a large array");
  const std::shared_ptr<void> owner(memory, [bytes](void* pages) { ::munmap(pages, bytes); });
  return Array::wrap(shape, dtype, memory, owner);
}

}  // namespace varscope::testing
