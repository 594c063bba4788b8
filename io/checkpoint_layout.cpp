// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_layout.hpp"

#include "checkpoint_digest.hpp"
#include "checkpoint_format.hpp"
#include "hdf5_encoder.hpp"
#include "hdf5_fixed_array.hpp"
#include "hdf5_format.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <numeric>

namespace varscope::io {

namespace {

constexpr std::uint64_t align_up(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

std::uint64_t bytes_of(const CheckpointEntry& entry) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(entry.shape.num_elements(), static_cast<std::int64_t>(dtype_size(entry.dtype)),
                             &bytes)) {
    throw ValueError("the variable '" + entry.name + "' of shape " + entry.shape.to_string() +
                     " has more bytes than a file can");
  }
  return static_cast<std::uint64_t>(bytes);
}

std::uint64_t root_attributes_bytes(bool with_step) {
  return attribute_info_message_bytes() +
         text_attribute_bytes(kFormatAttribute, std::string_view(kFormatName).size()) +
         uint32_attribute_bytes(kFormatVersionAttribute) +
         (with_step ? int64_attribute_bytes(kGlobalStepAttribute) : 0) +
         uint32_attribute_bytes(kDigestAttribute);
}

std::uint64_t dataset_content_bytes(const CheckpointEntry& entry, const ChunkedData* chunked) {
  const std::uint64_t bytes =
      dataset_messages_bytes(entry.dtype, entry.shape) + attribute_info_message_bytes() +
      text_attribute_bytes(kNameAttribute, entry.name.size()) + uint32_attribute_bytes(kChecksumAttribute);
  if (chunked != nullptr) {
    return bytes + chunked_layout_bytes(chunked->grid) +
           uint32_list_attribute_bytes(kChunkChecksumsAttribute, chunked->grid.count());
  }
  const std::uint64_t blocks = block_count(entry.bytes);
  return bytes + contiguous_layout_bytes() +
         (blocks > 1 ? uint32_list_attribute_bytes(kBlockChecksumsAttribute, blocks) : 0);
}

/// Behind a dataset's header.
std::uint64_t index_bytes(const ChunkedData* chunked) {
  return chunked != nullptr && chunked->grid.count() > 1 ? fixed_array_bytes(chunked->grid) : 0;
}

std::vector<std::uint32_t> checksums_of(const std::vector<StoredChunk>& chunks) {
  std::vector<std::uint32_t> checksums;
  checksums.reserve(chunks.size());
  for (const StoredChunk& chunk : chunks) checksums.push_back(chunk.crc32c);
  return checksums;
}

/// How many of the groups that hold `previous` hold `next` too, the root not counted.
std::size_t shared_groups(const std::vector<std::string>& previous, const std::vector<std::string>& next) {
  const std::size_t limit = std::min(previous.size(), next.size()) - 1;
  std::size_t depth = 0;
  while (depth < limit && previous[depth] == next[depth]) ++depth;
  return depth;
}

}  // namespace

CheckpointLayout::CheckpointLayout(std::vector<CheckpointEntry> entries,
                                   std::optional<std::int64_t> global_step, int compression_level,
                                   const ChunkSizes& sizes)
    : entries_(std::move(entries)), global_step_(global_step), compression_level_(compression_level) {
  sort_entries();
  for (CheckpointEntry& entry : entries_) {
    if (entry.shape.rank() > kMaxRank) {
      throw ValueError("the variable '" + entry.name + "' has rank " + std::to_string(entry.shape.rank()) +
                       "; a checkpoint takes at most " + std::to_string(kMaxRank));
    }
    entry.bytes = entry.stored_bytes = bytes_of(entry);
  }
  chunked_.resize(entries_.size());
  if (compression_level > 0) {
    for (std::size_t k = 0; k < entries_.size(); ++k) {
      std::optional<ChunkGrid> grid =
          ChunkGrid::plan(entries_[k].shape, dtype_size(entries_[k].dtype), sizes);
      if (!grid) continue;
      entries_[k].stored_bytes = 0;
      entries_[k].num_chunks = grid->count();
      chunked_[k] = std::make_unique<ChunkedData>(ChunkedData{*std::move(grid), {}});
    }
  }
  plan_objects();
  place_objects();
  file_size_ = metadata_bytes_;
  if (compression_level > 0) return;
  for (std::size_t k = 0; k < entries_.size(); ++k) place(k);
}

std::uint32_t CheckpointLayout::format_version() const noexcept {
  const auto is_chunked = [](const auto& chunked) { return chunked != nullptr; };
  return std::any_of(chunked_.begin(), chunked_.end(), is_chunked) ? kChunkedFormatVersion : kFormatVersion;
}

void CheckpointLayout::sort_entries() {
  std::vector<std::size_t> order(entries_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [this](std::size_t a, std::size_t b) { return entries_[a].name < entries_[b].name; });
  positions_.resize(order.size());
  std::vector<CheckpointEntry> sorted;
  sorted.reserve(order.size());
  for (std::size_t place = 0; place < order.size(); ++place) {
    CheckpointEntry& entry = entries_[order[place]];
    if (!sorted.empty() && sorted.back().name == entry.name) {
      throw ValueError("the variable '" + entry.name + "' is given twice for one checkpoint");
    }
    positions_[order[place]] = place;
    sorted.push_back(std::move(entry));
  }
  entries_ = std::move(sorted);
}

std::size_t CheckpointLayout::add_object(std::size_t group, std::string link, std::size_t entry) {
  const std::size_t added = objects_.size();
  objects_[group].content_bytes += link_message_bytes(link.size());
  const std::uint64_t content =
      entry == kGroup ? group_messages_bytes() : dataset_content_bytes(entries_[entry], chunked(entry));
  objects_.push_back({.link = std::move(link), .entry = entry, .content_bytes = content});
  std::size_t& last = objects_[group].last_member;
  (last == 0 ? objects_[group].first_member : objects_[last].next_sibling) = added;
  last = added;
  return added;
}

/// Names in ascending order have those with a common beginning side by side, so that all of a group comes
/// together.
void CheckpointLayout::plan_objects() {
  objects_.reserve(entries_.size() + 1);
  objects_.push_back(
      {.content_bytes = group_messages_bytes() + root_attributes_bytes(global_step_.has_value())});
  std::vector<std::size_t> open = {0};
  std::vector<std::string> previous;
  for (std::size_t entry = 0; entry < entries_.size(); ++entry) {
    std::vector<std::string> links = variable_path_links(entries_[entry].name);
    open.resize(1 + (entry > 0 ? shared_groups(previous, links) : 0));
    while (open.size() < links.size()) {
      const std::size_t group = add_object(open.back(), links[open.size() - 1], kGroup);
      open.push_back(group);
    }
    add_object(open.back(), links.back(), entry);
    previous = std::move(links);
  }
}

void CheckpointLayout::place_objects() {
  std::uint64_t address = kSuperblockBytes;
  for (Object& object : objects_) {
    object.address = address;
    address += object_header_bytes(object.content_bytes);
    if (object.entry != kGroup) {
      address += index_bytes(chunked(object.entry));
      continue;
    }
    std::size_t members = 0;
    for (std::size_t member = object.first_member; member != 0; member = objects_[member].next_sibling) {
      ++members;
    }
    if (members > kMaxGroupMembers) {
      throw ResourceExhaustedError("one scope of the checkpoint has " + std::to_string(members) +
                                   " direct members; HDF5's compact groups take at most " +
                                   std::to_string(kMaxGroupMembers) +
                                   ": spread the variables over more scopes");
    }
  }
  metadata_bytes_ = address;
}

void CheckpointLayout::place(std::size_t k) {
  CheckpointEntry& entry = entries_[k];
  if (entry.bytes == 0) return;
  entry.offset = align_up(file_size_, data_alignment(entry.bytes));
  file_size_ = entry.offset + entry.bytes;
}

void CheckpointLayout::place_chunk(std::size_t k, StoredChunk chunk) {
  CheckpointEntry& entry = entries_[k];
  std::vector<StoredChunk>& chunks = chunked_[k]->chunks;
  chunk.offset = align_up(file_size_, kSmallAlignment);
  file_size_ = chunk.offset + chunk.bytes;
  if (chunks.empty()) entry.offset = chunk.offset;
  entry.stored_bytes += chunk.bytes;
  chunks.push_back(chunk);
}

std::vector<std::byte> CheckpointLayout::metadata(std::span<const std::vector<std::uint32_t>> blocks) const {
  std::vector<CheckpointEntry> entries = entries_;
  CheckpointDigest digest(format_version(), global_step_, entries.size());
  for (std::size_t k = 0; k < entries.size(); ++k) {
    entries[k].crc32c = chunked(k) != nullptr ? checksum_of_parts(blocks[k], chunked(k)->grid)
                                              : checksum_of_blocks(blocks[k], entries[k].bytes);
    digest.add(entries[k]);
  }
  std::vector<std::byte> bytes = make_superblock(objects_[0].address, file_size_);
  bytes.reserve(metadata_bytes_);
  Hdf5Encoder encoder(bytes);
  for (const Object& object : objects_) {
    encoder.begin_header(object.content_bytes);
    if (object.entry != kGroup) {
      const CheckpointEntry& entry = entries[object.entry];
      encoder.dataset_messages(entry.dtype, entry.shape);
      const ChunkedData* chunks = chunked(object.entry);
      if (chunks != nullptr) {
        encoder.chunked_layout(chunks->grid, compression_level_, chunks->chunks.front(),
                               object.address + object_header_bytes(object.content_bytes));
      } else {
        encoder.contiguous_layout(entry.offset, entry.bytes);
      }
      encoder.attribute_info_message();
      encoder.text_attribute(kNameAttribute, entry.name);
      encoder.uint32_attribute(kChecksumAttribute, entry.crc32c);
      if (chunks != nullptr) {
        encoder.uint32_list_attribute(kChunkChecksumsAttribute, checksums_of(chunks->chunks));
      } else if (blocks[object.entry].size() > 1) {
        encoder.uint32_list_attribute(kBlockChecksumsAttribute, blocks[object.entry]);
      }
    } else {
      encoder.group_messages();
      for (std::size_t member = object.first_member; member != 0; member = objects_[member].next_sibling) {
        encoder.link_message(objects_[member].link, objects_[member].address);
      }
    }
    if (&object == &objects_[0]) {
      encoder.attribute_info_message();
      encoder.text_attribute(kFormatAttribute, kFormatName);
      encoder.uint32_attribute(kFormatVersionAttribute, format_version());
      if (global_step_) encoder.int64_attribute(kGlobalStepAttribute, *global_step_);
      encoder.uint32_attribute(kDigestAttribute, digest.value());
    }
    encoder.end_header();
    if (object.entry != kGroup && index_bytes(chunked(object.entry)) > 0) {
      append_fixed_array(bytes, bytes.size(), chunked(object.entry)->grid, chunked(object.entry)->chunks);
    }
  }
  return bytes;
}

}  // namespace varscope::io
