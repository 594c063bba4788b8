// SPDX-License-Identifier: Apache-2.0
// CheckpointLayout: where everything of a checkpoint goes, before any of it is written, and then the bytes of
// its metadata: superblock, groups, datasets. The profile of HDF5 that docs/checkpoint_format.md describes is
// small enough to be written directly; libhdf5 and h5py are its judges in the tests.
#pragma once

#include <varscope/checkpoint.hpp>

#include <cstddef>
#include <cstdint>
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
  CheckpointLayout(std::vector<CheckpointEntry> entries, std::optional<std::int64_t> global_step);

  /// Sorted by name; data lies in the same order in the file.
  const std::vector<CheckpointEntry>& entries() const noexcept { return entries_; }

  /// The place of the constructor's k-th variable in entries().
  std::size_t position(std::size_t k) const noexcept { return positions_[k]; }

  std::uint64_t file_size() const noexcept { return file_size_; }
  std::uint64_t metadata_bytes() const noexcept { return metadata_bytes_; }

  /// The file's first metadata_bytes() bytes, once the checksums of all blocks of all data are known: for
  /// each entry as many as block_count() says.
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
  void place_data();

  std::vector<CheckpointEntry> entries_;
  std::vector<std::size_t> positions_;
  std::optional<std::int64_t> global_step_;
  std::vector<Object> objects_;  // the root first, each group before its members
  std::uint64_t metadata_bytes_ = 0;
  std::uint64_t file_size_ = 0;
};

}  // namespace varscope::io
