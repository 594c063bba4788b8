// SPDX-License-Identifier: Apache-2.0
// An open checkpoint file: what a CheckpointReader refers to.
#pragma once

#include "chunk_grid.hpp"
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
  std::uint32_t format_version() const noexcept { return format_version_; }
  std::optional<std::int64_t> global_step() const noexcept { return global_step_; }

  /// Null if there is no such variable.
  const CheckpointEntry* find(std::string_view name) const noexcept;
  const CheckpointEntry& entry(std::string_view name) const;

  /// Reads a variable's data into `into`, verified, on several threads if there is much of it. Requires:
  /// `into` has the entry's size in bytes. After an exception `into` holds anything.
  void read(const CheckpointEntry& entry, std::span<std::byte> into) const;

  /// A variable and the memory for its data, of the entry's size in bytes.
  struct Destination {
    const CheckpointEntry* entry;
    std::span<std::byte> into;
  };

  /// read() for many variables at once, in parallel. Requires: no entry comes twice.
  void read(std::span<const Destination> destinations) const;

  /// Passes a variable's data through a small buffer, piece by piece; a piece holds whole elements. The data
  /// is known to be right only when this returns.
  void read_pieces(const CheckpointEntry& entry,
                   const std::function<void(std::span<const std::byte>)>& use) const;

  /// Reads all data, in parallel.
  void verify() const;

 private:
  /// Reads these variables' data to these places, or only verifies it if there are none.
  void read_all(std::span<const CheckpointEntry* const> entries,
                std::span<const std::span<std::byte>> into) const;
  std::span<const std::uint32_t> blocks_of(const CheckpointEntry& entry) const noexcept;
  const io::ChunkedData* chunked(const CheckpointEntry& entry) const noexcept;

  std::string path_;
  std::unique_ptr<io::ReadableFile> file_;
  std::uint32_t format_version_ = 0;
  std::vector<CheckpointEntry> entries_;            // sorted by name
  std::vector<std::vector<std::uint32_t>> blocks_;  // of each entry; empty if it has one block or none
  std::vector<std::unique_ptr<const io::ChunkedData>> chunked_;  // of each entry; null if it is contiguous
  std::optional<std::int64_t> global_step_;
};

}  // namespace varscope::detail
