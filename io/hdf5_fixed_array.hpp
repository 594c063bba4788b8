// SPDX-License-Identifier: Apache-2.0
// HDF5's index of the chunks of a dataset that cannot grow: a fixed array, of filtered chunks and without
// pages. Sections III.D and VII.C of the HDF5 File Format Specification, version 3.0.
#pragma once

#include "chunk_grid.hpp"
#include "hdf5_format.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace varscope::io {

/// Of a fixed array: this many elements, as a power of two, need no pages. All that checkpoints have.
inline constexpr unsigned kFixedArrayPageBits = 10;

// Filters that were skipped for a chunk, a bit each: shuffle and deflate.
inline constexpr std::uint32_t kNoFilterSkipped = 0;
inline constexpr std::uint32_t kBothFiltersSkipped = 3;

/// Header and data block, which follow each other.
std::uint64_t fixed_array_bytes(const ChunkGrid& grid) noexcept;

/// Appends a fixed array that will lie at `address`. Requires: a chunk for each of the grid.
void append_fixed_array(std::vector<std::byte>& bytes, std::uint64_t address, const ChunkGrid& grid,
                        std::span<const StoredChunk> chunks);

/// Reads and verifies the fixed array at `address`, and claims its bytes, but not those of the chunks, which
/// are anything yet; they have no checksums here. Throws as read_object_header().
std::vector<StoredChunk> read_fixed_array(const ReadableFile& file, std::uint64_t address,
                                          const ChunkGrid& grid, ExtentMap& extents, const Place& place);

/// Whether the filters were applied to a chunk; throws InvalidArgumentError if it was one of them.
bool decode_filter_mask(std::uint64_t mask, ByteRange range, const Place& place);

}  // namespace varscope::io
