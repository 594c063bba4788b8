// SPDX-License-Identifier: Apache-2.0
// Writes checkpoint files through a FileSystem. The public form, on the operating system's files, is in
// varscope/checkpoint.hpp; it documents the errors.
#pragma once

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
};

/// As varscope::write_checkpoint(). `progress` may be null.
void write_checkpoint(FileSystem& files, const std::string& path,
                      std::span<const std::pair<std::string, Array>> variables,
                      const WriteCheckpointOptions& options, WriteProgress* progress = nullptr);

}  // namespace varscope::io
