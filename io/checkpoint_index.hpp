// SPDX-License-Identifier: Apache-2.0
// The strict reader's upper layer: walks the groups of a checkpoint and lists its variables.
#pragma once

#include "hdf5_format.hpp"

#include <varscope/checkpoint.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace varscope::io {

/// A variable, and where its dataset keeps the address of the data.
struct IndexedVariable {
  CheckpointEntry entry;
  std::uint64_t address_position = 0;
  ByteRange header_chunk;  ///< the checksummed bytes around it
};

struct CheckpointIndex {
  std::uint64_t root_address = 0;
  std::optional<std::int64_t> global_step;
  std::vector<IndexedVariable> variables;  ///< sorted by name
  std::vector<ByteRange> gaps;             ///< bytes that belong to nothing
};

enum class IndexedFile {
  checkpoint,    ///< a finished file: the data is where it should be, and all bytes are accounted for
  metadata_only  ///< what make_hdf5_metadata() makes: no dataset has an address yet, bytes may be unused
};

/// Reads and verifies everything of a file but its data. `name` is the file's name in messages. Throws what
/// CheckpointReader's constructor does. The time is proportional to the metadata's size, times a logarithm.
CheckpointIndex read_checkpoint_index(const ReadableFile& file, const std::string& name, IndexedFile kind);

}  // namespace varscope::io
