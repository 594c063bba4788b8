// SPDX-License-Identifier: Apache-2.0
// The operating system's files, with every call counted, recorded, and one of them made to fail.
#pragma once

#include "file_system.hpp"

#include <cerrno>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace varscope::testing {

class InstrumentedFileSystem final : public io::FileSystem {
 public:
  // The calls so far, in order, as "rename checkpoint.h5"; the numbers of temporary names are left out.
  std::vector<std::string> calls;

  // Lets the call with this index, counted from 0, fail with this errno, before it has any effect.
  void fail_call(std::size_t index, int error_number) {
    failing_call_ = index;
    error_number_ = error_number;
  }

  // The same for every call that begins with this.
  void fail_calls(std::string beginning, int error_number) {
    failing_beginning_ = std::move(beginning);
    error_number_ = error_number;
  }

  std::unique_ptr<io::ReadableFile> open(const std::string& path) override {
    record("open", path);
    return real_.open(path);
  }
  std::unique_ptr<io::WritableFile> create(const std::string& path) override {
    record("create", path);
    return std::make_unique<File>(*this, real_.create(path), path);
  }
  void rename(const std::string& from, const std::string& to) override {
    record("rename", to);
    real_.rename(from, to);
  }
  void remove(const std::string& path) override {
    record("remove", path);
    real_.remove(path);
  }
  bool remove_if_abandoned(const std::string& path) override {
    record("remove_if_abandoned", path);
    return real_.remove_if_abandoned(path);
  }
  void sync_directory(const std::string& path) override {
    record("sync_directory", path);
    real_.sync_directory(path);
  }
  std::optional<io::FileStatus> status(const std::string& path) override {
    record("status", path);
    return real_.status(path);
  }
  std::vector<std::string> list(const std::string& path) override {
    record("list", path);
    return real_.list(path);
  }

 private:
  class File final : public io::WritableFile {
   public:
    File(InstrumentedFileSystem& files, std::unique_ptr<io::WritableFile> real, std::string path)
        : files_(files), real_(std::move(real)), path_(std::move(path)) {}
    void reserve(std::uint64_t size) override {
      files_.record("reserve", path_);
      real_->reserve(size);
    }
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      files_.record("write_at", path_);
      real_->write_at(offset, bytes);
    }
    void sync() override {
      files_.record("sync", path_);
      real_->sync();
    }

   private:
    InstrumentedFileSystem& files_;
    std::unique_ptr<io::WritableFile> real_;
    std::string path_;
  };

  // Several threads may write parts of one file.
  void record(const std::string& call, const std::string& path) {
    const std::lock_guard lock(mutex_);
    std::string name = call == "sync_directory" ? "" : " " + io::file_name_of(path);
    if (const std::size_t number = name.find(".tmp-"); number != name.npos) name.resize(number + 4);
    calls.push_back(call + name);
    const bool chosen = calls.size() - 1 == failing_call_ ||
                        (!failing_beginning_.empty() && calls.back().starts_with(failing_beginning_));
    if (chosen) io::throw_system_error(error_number_, call, path);
  }

  std::mutex mutex_;
  io::FileSystem& real_ = io::posix_file_system();
  std::size_t failing_call_ = std::numeric_limits<std::size_t>::max();
  std::string failing_beginning_;
  int error_number_ = EIO;
};

}  // namespace varscope::testing
