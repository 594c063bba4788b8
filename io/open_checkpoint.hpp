// SPDX-License-Identifier: Apache-2.0
// An open checkpoint file: what a CheckpointReader refers to.
#pragma once

#include "file_system.hpp"

#include <varscope/checkpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// Const, hence thread-safe. Errors as CheckpointReader documents them.
class OpenCheckpoint {
 public:
  OpenCheckpoint(io::FileSystem& files, std::string path);

  const std::string& path() const noexcept { return path_; }
  const std::vector<CheckpointEntry>& entries() const noexcept { return entries_; }
  std::optional<std::int64_t> global_step() const noexcept { return global_step_; }

  /// Null if there is no such variable.
  const CheckpointEntry* find(std::string_view name) const noexcept;
  const CheckpointEntry& entry(std::string_view name) const;

  /// Reads a variable's data into `into`, verified. Requires: `into` has the entry's size in bytes.
  void read(const CheckpointEntry& entry, std::span<std::byte> into) const;

  /// Passes a variable's data through a small buffer, piece by piece; a piece holds whole elements. The data
  /// is known to be right only when this returns.
  void read_pieces(const CheckpointEntry& entry,
                   const std::function<void(std::span<const std::byte>)>& use) const;

  /// Reads all data.
  void verify() const;

 private:
  [[noreturn]] void refuse_data(const CheckpointEntry& entry, const std::string& what) const;

  std::string path_;
  std::unique_ptr<io::ReadableFile> file_;
  std::vector<CheckpointEntry> entries_;  // sorted by name
  std::optional<std::int64_t> global_step_;
};

}  // namespace varscope::detail
