// SPDX-License-Identifier: Apache-2.0
// CheckpointLayout: where everything of a checkpoint goes, before any of it is written, and then the bytes of
// its metadata: superblock, groups, datasets. The profile of HDF5 that docs/checkpoint_format.md describes is
// small enough to be written directly; libhdf5 and h5py are its judges in the tests.
#pragma once

#include "chunk_grid.hpp"

#include <varscope/checkpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace varscope::io {

class CheckpointLayout {
 public:
  /// Plans a file with these variables. Of the entries, name, dtype and shape count; offset and bytes are
  /// set. Throws ValueError for a name that cannot be stored or comes twice, or a rank above kMaxRank;
  /// ResourceExhaustedError for a scope with more than kMaxGroupMembers direct members.
  ///
  /// With a compression level, 1 to 9, the larger data is chunked; then only the metadata has its place yet.
  CheckpointLayout(std::vector<CheckpointEntry> entries, std::optional<std::int64_t> global_step,
                   int compression_level = 0, const ChunkSizes& sizes = {});

  /// Sorted by name; data lies in the same order in the file.
  const std::vector<CheckpointEntry>& entries() const noexcept { return entries_; }

  /// The place of the constructor's k-th variable in entries().
  std::size_t position(std::size_t k) const noexcept { return positions_[k]; }

  /// As far as it is placed.
  std::uint64_t file_size() const noexcept { return file_size_; }
  std::uint64_t metadata_bytes() const noexcept { return metadata_bytes_; }

  /// The chunks of an entry, of which the placed ones are there; null if it is contiguous.
  const ChunkedData* chunked(std::size_t entry) const noexcept { return chunked_[entry].get(); }

  /// What compression leaves to be placed: contiguous data, and the chunks of the other, of which the offset
  /// is set here. Requires: all in order, of entries and of chunks.
  void place(std::size_t entry);
  void place_chunk(std::size_t entry, StoredChunk chunk);

  /// The file's first metadata_bytes() bytes, once everything is placed and the checksums of all blocks of
  /// all data are known: for each entry as many as block_count() says, of chunked data one for each chunk.
  std::vector<std::byte> metadata(std::span<const std::vector<std::uint32_t>> blocks) const;

 private:
  /// A group or a dataset: an object with a header.
  struct Object {
    std::string link;              // its name in its group
    std::size_t entry = kGroup;    // of a dataset: index into entries_
    std::size_t first_member = 0;  // of a group: index into objects_, 0 for none
    std::size_t last_member = 0;
    std::size_t next_sibling = 0;     // in the same group, 0 for none
    std::uint64_t content_bytes = 0;  // of the header's messages
    std::uint64_t address = 0;
  };
  static constexpr std::size_t kGroup = ~std::size_t{0};

  void sort_entries();
  void plan_objects();
  std::size_t add_object(std::size_t group, std::string link, std::size_t entry);
  void place_objects();
  std::uint32_t format_version() const noexcept;

  std::vector<CheckpointEntry> entries_;
  std::vector<std::unique_ptr<ChunkedData>> chunked_;  // of each entry; null if contiguous
  std::vector<std::size_t> positions_;
  std::optional<std::int64_t> global_step_;
  int compression_level_;
  std::vector<Object> objects_;  // the root first, each group before its members
  std::uint64_t metadata_bytes_ = 0;
  std::uint64_t file_size_ = 0;
};

}  // namespace varscope::io
