// SPDX-License-Identifier: Apache-2.0
// Files in memory, for tests and the fuzzer, which read thousands of damaged ones.
#pragma once

#include "file_system.hpp"

#include <varscope/error.hpp>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace varscope::testing {

class MemoryFile final : public io::ReadableFile {
 public:
  explicit MemoryFile(const std::string& content) : content_(content) {}
  std::uint64_t size() const override { return content_.size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    if (offset > content_.size() || into.size() > content_.size() - offset) {
      throw DataLossError("read behind the end of a file in memory");
    }
    if (!into.empty()) std::memcpy(into.data(), content_.data() + offset, into.size());
  }

 private:
  std::string content_;
};

// Can open its one file, whatever the path, and nothing else.
class MemoryFileSystem final : public io::FileSystem {
 public:
  explicit MemoryFileSystem(std::string content) : content_(std::move(content)) {}
  std::unique_ptr<io::ReadableFile> open(const std::string&) override {
    return std::make_unique<MemoryFile>(content_);
  }
  std::unique_ptr<io::WritableFile> create(const std::string& path) override { refuse(path); }
  void rename(const std::string& from, const std::string&) override { refuse(from); }
  void remove(const std::string& path) override { refuse(path); }
  bool remove_if_abandoned(const std::string&) override { return false; }
  void sync_directory(const std::string& path) override { refuse(path); }
  std::optional<io::FileStatus> status(const std::string& path) override { refuse(path); }
  std::vector<std::string> list(const std::string& path) override { refuse(path); }

 private:
  [[noreturn]] void refuse(const std::string& path) {
    throw FailedPreconditionError("files in memory can only be read: " + path);
  }
  std::string content_;
};

}  // namespace varscope::testing
