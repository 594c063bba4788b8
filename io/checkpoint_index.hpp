// SPDX-License-Identifier: Apache-2.0
// The strict reader's upper layer: walks the groups of a checkpoint and lists its variables.
#pragma once

#include "chunk_grid.hpp"
#include "hdf5_format.hpp"

#include <varscope/checkpoint.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace varscope::io {

struct IndexedVariable {
  CheckpointEntry entry;
  ByteRange header;                      ///< its first bytes, for messages
  std::vector<std::uint32_t> blocks;     ///< checksums, if there is more than one block
  std::unique_ptr<ChunkedData> chunked;  ///< null if the data is contiguous
};

struct CheckpointIndex {
  std::uint32_t format_version = 0;
  std::optional<std::int64_t> global_step;
  std::vector<IndexedVariable> variables;  ///< sorted by name
};

/// Reads and verifies everything of a file but its data. `name` is the file's name in messages. Throws what
/// CheckpointReader's constructor does. The time is proportional to the metadata's size, times a logarithm.
CheckpointIndex read_checkpoint_index(const ReadableFile& file, const std::string& name);

}  // namespace varscope::io
