// SPDX-License-Identifier: Apache-2.0
// A file whose reader goes through it mostly from front to back, in small steps.
#pragma once

#include "file_system.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace varscope::io {

/// Reads the file in large pieces: the headers lie side by side, and each file call costs as much as decoding
/// one. Not thread-safe.
class ReadAheadFile final : public ReadableFile {
 public:
  explicit ReadAheadFile(const ReadableFile& file) : file_(file) {}

  std::uint64_t size() const override { return file_.size(); }

  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    if (into.empty()) return;
    if (offset < begin_ || offset - begin_ > window_.size() ||
        into.size() > window_.size() - (offset - begin_)) {
      if (into.size() >= kWindowBytes || offset >= file_.size() || into.size() > file_.size() - offset) {
        file_.read_at(offset, into);
        return;
      }
      window_.resize(std::min<std::uint64_t>(kWindowBytes, file_.size() - offset));
      begin_ = offset;
      try {
        file_.read_at(offset, window_);
      } catch (...) {
        window_.clear();
        throw;
      }
    }
    std::memcpy(into.data(), window_.data() + (offset - begin_), into.size());
  }

 private:
  static constexpr std::uint64_t kWindowBytes = std::uint64_t{1} << 16;

  const ReadableFile& file_;
  mutable std::uint64_t begin_ = 0;
  mutable std::vector<std::byte> window_;
};

}  // namespace varscope::io
