// SPDX-License-Identifier: Apache-2.0
// Writes checkpoint files through a FileSystem. The public form, on the operating system's files, is in
// varscope/checkpoint.hpp; it documents the errors.
#pragma once

#include "chunk_grid.hpp"
#include "file_system.hpp"

#include <varscope/checkpoint.hpp>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace varscope::io {

/// How far a save is, for whoever watches it from another thread.
struct WriteProgress {
  std::atomic<std::uint64_t> bytes_written{0};  ///< of data
  std::atomic<std::uint64_t> bytes_total{0};    ///< 0 until it is known

  /// From 0 to 1.
  double share() const noexcept {
    // Relaxed, all of them: numbers to look at; nothing follows from them.
    const std::uint64_t total = bytes_total.load(std::memory_order_relaxed);
    const std::uint64_t written = bytes_written.load(std::memory_order_relaxed);
    return total == 0 ? 0.0 : static_cast<double>(written) / static_cast<double>(total);
  }
};

/// As varscope::write_checkpoint(). `progress` may be null.
void write_checkpoint(FileSystem& files, const std::string& path,
                      std::span<const std::pair<std::string, Array>> variables,
                      const WriteCheckpointOptions& options, WriteProgress* progress = nullptr,
                      const ChunkSizes& sizes = {});

}  // namespace varscope::io
