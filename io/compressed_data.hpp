// SPDX-License-Identifier: Apache-2.0
// Writes the data of a checkpoint that is compressed. What a chunk will take is known only when it has been
// compressed, so the data finds its places as it is written, a window of it at a time: the window is
// compressed by all threads, placed in order, and written by all threads. So the file is the same for any
// number of threads, and the memory is that of one window.
#pragma once

#include "checkpoint_layout.hpp"
#include "file_system.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace varscope::io {

/// Of each variable the checksums of its blocks, or of the parts of its data that are in its chunks.
using BlockChecksums = std::vector<std::vector<std::uint32_t>>;

/// Throws ValueError for a bool that is neither 0 nor 1.
void require_proper_bools(const CheckpointEntry& entry, std::span<const std::byte> elements);

/// Places and writes all data, `data` in the order of the layout's entries; makes the file as large as it
/// needs. `report` gets the bytes of data that were written, from any thread. Throws what the file throws,
/// and ValueError as above. Requires: a layout that was made with a compression level.
BlockChecksums write_compressed(WritableFile& file, CheckpointLayout& layout,
                                std::span<const std::span<const std::byte>> data, int compression_level,
                                const std::function<void(std::uint64_t bytes)>& report);

}  // namespace varscope::io
