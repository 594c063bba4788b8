// SPDX-License-Identifier: Apache-2.0
#include "open_checkpoint.hpp"

#include "checkpoint_digest.hpp"
#include "checkpoint_format.hpp"
#include "checkpoint_index.hpp"
#include "chunk_codec.hpp"
#include "crc32c.hpp"
#include "data_pieces.hpp"
#include "name_hints.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>
#include <varscope/parallel_ranges.hpp>

#include <algorithm>
#include <mutex>

namespace varscope::detail {

namespace {

using io::DataPiece;
using io::kSliceBytes;

constexpr char kWrongChecksum[] = "the data does not have its checksum";
constexpr char kImproperBool[] = "a bool that is neither 0 nor 1";

bool has_improper_bool(const CheckpointEntry& entry, std::span<const std::byte> bytes) {
  return io::improper_bool(entry.dtype, bytes).has_value();
}

/// Reads the elements in a chunk, verified before they are decoded. Returns null, or what is wrong. Requires:
/// room for just the elements.
const char* load_chunk(const io::ReadableFile& file, const CheckpointEntry& entry,
                       const io::ChunkedData& data, std::size_t k, std::span<std::byte> elements) {
  const io::StoredChunk& chunk = data.chunks[k];
  std::vector<std::byte> stored(chunk.bytes);
  file.read_at(chunk.offset, stored);
  if (io::crc32c(stored) != chunk.crc32c) return "the chunk does not have its checksum";
  const char* problem =
      io::decode_chunk(stored, chunk.deflated, data.grid.chunk_bytes(), data.grid.element_bytes(), elements);
  if (problem == nullptr && has_improper_bool(entry, elements)) return kImproperBool;
  return problem;
}

/// What is wrong with the data, of several findings the first in the file's order.
class FirstDamage {
 public:
  void report(const CheckpointEntry& entry, io::ByteRange range, const char* what) {
    const std::lock_guard lock(mutex_);
    if (what_ != nullptr && range_.offset <= range.offset) return;
    entry_ = &entry;
    range_ = range;
    what_ = what;
  }

  /// Requires: nothing is reported meanwhile.
  bool any() const noexcept { return what_ != nullptr; }

  void throw_if_any(const std::string& path) const {
    if (what_ != nullptr) io::throw_damaged(path, io::variable_path(entry_->name), range_, what_);
  }

 private:
  std::mutex mutex_;
  const CheckpointEntry* entry_ = nullptr;
  io::ByteRange range_;
  const char* what_ = nullptr;
};

/// Reads and verifies pieces of data, from several threads at once.
class PieceReader {
 public:
  using BlocksOf = std::function<std::span<const std::uint32_t>(const CheckpointEntry&)>;
  using ChunkedOf = std::function<const io::ChunkedData*(const CheckpointEntry&)>;

  /// `into` has a place for each entry's data, or is empty: then the data is only verified.
  PieceReader(const io::ReadableFile& file, std::span<const CheckpointEntry* const> entries,
              std::span<const std::span<std::byte>> into, BlocksOf blocks_of, ChunkedOf chunked_of)
      : file_(file),
        entries_(entries),
        into_(into),
        blocks_of_(std::move(blocks_of)),
        chunked_of_(std::move(chunked_of)),
        found_(entries.size()) {
    for (std::size_t k = 0; k < entries.size(); ++k) {
      const std::uint64_t blocks = io::block_count(entries[k]->bytes);
      if (entries[k]->num_chunks > 0) {
        found_[k].resize(entries[k]->num_chunks);
      } else if (blocks > 1 && blocks_of_(*entries[k]).empty()) {
        found_[k].resize(blocks);
      }
    }
  }

  void read(const DataPiece& piece) {
    if (piece.is_chunk) {
      read_chunk(piece);
    } else if (piece.is_block()) {
      read_block(piece);
    } else {
      read_variables(piece);
    }
  }

  /// Call it when all pieces have been read. Throws for the first damage.
  void finish(const std::string& path) {
    for (std::size_t k = 0; k < entries_.size(); ++k) {
      const CheckpointEntry& entry = *entries_[k];
      if (entry.num_chunks > 0) {
        // After damage to chunks, which are told more precisely, the checksum of the whole says nothing.
        if (!damage_.any() && io::checksum_of_parts(found_[k], chunked_of_(entry)->grid) != entry.crc32c) {
          damage_.report(entry, {entry.offset, entry.stored_bytes}, kWrongChecksum);
        }
        continue;
      }
      // A file of version 1: no checksums of blocks.
      if (!found_[k].empty() && io::checksum_of_blocks(found_[k], entry.bytes) != entry.crc32c) {
        damage_.report(entry, {entry.offset, entry.bytes}, kWrongChecksum);
      }
    }
    damage_.throw_if_any(path);
  }

 private:
  void read_chunk(const DataPiece& piece) {
    const CheckpointEntry& entry = *entries_[piece.first];
    const io::ChunkedData& data = *chunked_of_(entry);
    const std::uint64_t size = data.grid.data_bytes(piece.chunk);
    std::vector<std::byte> scratch(into_.empty() ? size : 0);
    const std::span<std::byte> elements =
        into_.empty() ? std::span(scratch)
                      : into_[piece.first].subspan(data.grid.data_begin(piece.chunk), size);
    if (const char* problem = load_chunk(file_, entry, data, piece.chunk, elements)) {
      const io::StoredChunk& chunk = data.chunks[piece.chunk];
      damage_.report(entry, {chunk.offset, chunk.bytes}, problem);
    } else {
      found_[piece.first][piece.chunk] = io::crc32c(elements);
    }
  }

  void read_block(const DataPiece& piece) {
    const CheckpointEntry& entry = *entries_[piece.first];
    std::vector<std::byte> scratch(into_.empty() ? std::min<std::uint64_t>(kSliceBytes, piece.data_bytes)
                                                 : 0);
    std::uint32_t checksum = 0;
    bool improper = false;
    for (std::uint64_t done = 0; done < piece.data_bytes; done += kSliceBytes) {
      const std::size_t size = std::min<std::uint64_t>(kSliceBytes, piece.data_bytes - done);
      const std::span<std::byte> slice = into_.empty() ? std::span(scratch).first(size)
                                                       : into_[piece.first].subspan(piece.begin + done, size);
      file_.read_at(entry.offset + piece.begin + done, slice);
      checksum = io::crc32c(slice, checksum);
      improper = improper || has_improper_bool(entry, slice);
    }
    const io::ByteRange range{entry.offset + piece.begin, piece.data_bytes};
    const std::uint64_t block = piece.begin / io::block_bytes(entry.bytes);
    if (!found_[piece.first].empty()) {
      found_[piece.first][block] = checksum;
    } else {
      const std::span<const std::uint32_t> blocks = blocks_of_(entry);
      if (checksum != (blocks.empty() ? entry.crc32c : blocks[block]))
        damage_.report(entry, range, kWrongChecksum);
    }
    if (improper) damage_.report(entry, range, kImproperBool);
  }

  void read_variables(const DataPiece& piece) {
    std::vector<std::byte> image(piece.file_bytes);
    file_.read_at(piece.file_begin, image);
    for (std::size_t k = piece.first; k < piece.last; ++k) {
      const CheckpointEntry& entry = *entries_[k];
      const auto bytes =
          std::span<const std::byte>(image).subspan(entry.offset - piece.file_begin, entry.bytes);
      if (io::crc32c(bytes) != entry.crc32c) {
        damage_.report(entry, {entry.offset, entry.bytes}, kWrongChecksum);
      } else if (has_improper_bool(entry, bytes)) {
        damage_.report(entry, {entry.offset, entry.bytes}, kImproperBool);
      } else if (!into_.empty()) {
        std::copy(bytes.begin(), bytes.end(), into_[k].begin());
      }
    }
  }

  const io::ReadableFile& file_;
  std::span<const CheckpointEntry* const> entries_;
  std::span<const std::span<std::byte>> into_;
  BlocksOf blocks_of_;
  ChunkedOf chunked_of_;
  std::vector<std::vector<std::uint32_t>> found_;  // of chunks, and where the file has none of blocks
  FirstDamage damage_;
};

}  // namespace

OpenCheckpoint::OpenCheckpoint(io::FileSystem& files, std::string path)
    : path_(std::move(path)), file_(files.open(path_)) {
  io::CheckpointIndex index = io::read_checkpoint_index(*file_, path_);
  format_version_ = index.format_version;
  entries_.reserve(index.variables.size());
  blocks_.reserve(index.variables.size());
  chunked_.reserve(index.variables.size());
  for (io::IndexedVariable& variable : index.variables) {
    entries_.push_back(std::move(variable.entry));
    blocks_.push_back(std::move(variable.blocks));
    chunked_.push_back(std::move(variable.chunked));
  }
  global_step_ = index.global_step;
}

const CheckpointEntry* OpenCheckpoint::find(std::string_view name) const noexcept {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const CheckpointEntry& entry, std::string_view key) { return entry.name < key; });
  return found != entries_.end() && found->name == name ? &*found : nullptr;
}

const CheckpointEntry& OpenCheckpoint::entry(std::string_view name) const {
  if (const CheckpointEntry* found = find(name)) return *found;
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const CheckpointEntry& entry : entries_) names.push_back(entry.name);
  throw NotFoundError("the checkpoint '" + path_ + "' has no variable '" + std::string(name) + "'" +
                      io::NameHints(std::move(names)).describe(name));
}

std::span<const std::uint32_t> OpenCheckpoint::blocks_of(const CheckpointEntry& entry) const noexcept {
  return blocks_[static_cast<std::size_t>(&entry - entries_.data())];
}

const io::ChunkedData* OpenCheckpoint::chunked(const CheckpointEntry& entry) const noexcept {
  return chunked_[static_cast<std::size_t>(&entry - entries_.data())].get();
}

void OpenCheckpoint::read_all(std::span<const CheckpointEntry* const> entries,
                              std::span<const std::span<std::byte>> into) const {
  const std::vector<DataPiece> pieces = io::cut_into_pieces(entries);
  PieceReader reader(
      *file_, entries, into, [this](const CheckpointEntry& entry) { return blocks_of(entry); },
      [this](const CheckpointEntry& entry) { return chunked(entry); });
  parallel_ranges(static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      reader.read(pieces[static_cast<std::size_t>(k)]);
    }
  });
  reader.finish(path_);
}

void OpenCheckpoint::read(const CheckpointEntry& entry, std::span<std::byte> into) const {
  const CheckpointEntry* const entries[] = {&entry};
  const std::span<std::byte> places[] = {into};
  read_all(entries, places);
}

void OpenCheckpoint::read(std::span<const Destination> destinations) const {
  std::vector<Destination> sorted(destinations.begin(), destinations.end());
  const auto by_offset = [](const Destination& a, const Destination& b) {
    return a.entry->offset < b.entry->offset;
  };
  // They mostly are: names and data have one order.
  if (!std::is_sorted(sorted.begin(), sorted.end(), by_offset)) {
    std::sort(sorted.begin(), sorted.end(), by_offset);
  }
  std::vector<const CheckpointEntry*> entries;
  std::vector<std::span<std::byte>> into;
  entries.reserve(sorted.size());
  into.reserve(sorted.size());
  for (const Destination& destination : sorted) {
    entries.push_back(destination.entry);
    into.push_back(destination.into);
  }
  read_all(entries, into);
}

void OpenCheckpoint::verify() const {
  std::vector<const CheckpointEntry*> entries;
  for (const CheckpointEntry& entry : entries_) entries.push_back(&entry);
  read_all(entries, {});
}

void OpenCheckpoint::read_pieces(const CheckpointEntry& entry,
                                 const std::function<void(std::span<const std::byte>)>& use) const {
  FirstDamage damage;
  std::uint32_t checksum = 0;
  if (const io::ChunkedData* data = chunked(entry)) {
    std::vector<std::byte> elements(data->grid.chunk_bytes());
    for (std::size_t k = 0; k < data->chunks.size(); ++k) {
      const std::span<std::byte> piece = std::span(elements).first(data->grid.data_bytes(k));
      const char* problem = load_chunk(*file_, entry, *data, k, piece);
      if (problem) damage.report(entry, {data->chunks[k].offset, data->chunks[k].bytes}, problem);
      damage.throw_if_any(path_);
      checksum = io::crc32c(piece, checksum);
      use(piece);
    }
    if (checksum != entry.crc32c) {
      damage.report(entry, {entry.offset, entry.stored_bytes}, kWrongChecksum);
    }
    damage.throw_if_any(path_);
    return;
  }
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kSliceBytes, entry.bytes));
  bool improper = false;
  for (std::uint64_t done = 0; done < entry.bytes; done += kSliceBytes) {
    const std::size_t size = std::min<std::uint64_t>(kSliceBytes, entry.bytes - done);
    const std::span<std::byte> slice = std::span(buffer).first(size);
    file_->read_at(entry.offset + done, slice);
    checksum = io::crc32c(slice, checksum);
    improper = improper || has_improper_bool(entry, slice);
    use(slice);
  }
  const io::ByteRange range{entry.offset, entry.bytes};
  if (checksum != entry.crc32c) damage.report(entry, range, kWrongChecksum);
  if (improper) damage.report(entry, range, kImproperBool);
  damage.throw_if_any(path_);
}

}  // namespace varscope::detail
