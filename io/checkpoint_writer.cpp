// SPDX-License-Identifier: Apache-2.0
// A checkpoint is written in this order: the layout says where everything goes; the data is written there, in
// parallel, and checksummed on the way; then the metadata, which holds the checksums, once our own reader has
// gone through it. Data that is compressed has its place only when its size is known (compressed_data.hpp).
#include "checkpoint_writer.hpp"

#include "checkpoint_format.hpp"
#include "checkpoint_index.hpp"
#include "checkpoint_layout.hpp"
#include "chunk_codec.hpp"
#include "compressed_data.hpp"
#include "crc32c.hpp"
#include "data_pieces.hpp"
#include "durable_file.hpp"

#include <varscope/error.hpp>
#include <varscope/parallel_ranges.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <mutex>

namespace varscope::io {

// The format is little-endian, and elements are written as they are in memory.
static_assert(std::endian::native == std::endian::little);

namespace {

using NamedArray = std::pair<std::string, Array>;
/// What the finished file looks like to a reader of metadata: data reads as zeros.
class MetadataImage final : public ReadableFile {
 public:
  MetadataImage(std::span<const std::byte> metadata, std::uint64_t size) : metadata_(metadata), size_(size) {}

  std::uint64_t size() const override { return size_; }

  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    if (offset > size_ || into.size() > size_ - offset) throw DataLossError("a checkpoint ends too early");
    const std::uint64_t begin = std::min<std::uint64_t>(offset, metadata_.size());
    const std::span<const std::byte> there =
        metadata_.subspan(begin, std::min<std::uint64_t>(into.size(), metadata_.size() - begin));
    std::copy(there.begin(), there.end(), into.begin());
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(there.size()), into.end(), std::byte{0});
  }

 private:
  std::span<const std::byte> metadata_;
  std::uint64_t size_;
};

std::span<const std::byte> bytes_of(const Array& array) {
  return {static_cast<const std::byte*>(array.data()), array.num_bytes()};
}

CheckpointLayout plan_layout(std::span<const NamedArray> variables, const WriteCheckpointOptions& options,
                             const ChunkSizes& sizes) {
  require_compression_level(options.compression_level);
  std::vector<CheckpointEntry> entries;
  entries.reserve(variables.size());
  for (const auto& [name, array] : variables) {
    entries.push_back({.name = name, .dtype = array.dtype(), .shape = array.shape()});
  }
  return {std::move(entries), options.global_step, options.compression_level, sizes};
}

/// Tells how many bytes have been written to whoever wants to know. Either way to follow may be null.
/// Thread-safe.
class WriteReport {
 public:
  WriteReport(const std::function<void(std::uint64_t)>& on_written, WriteProgress* progress)
      : on_written_(on_written), progress_(progress) {}

  void operator()(std::uint64_t bytes) {
    // Relaxed: a number to look at; nothing follows from it.
    if (progress_ != nullptr) progress_->bytes_written.fetch_add(bytes, std::memory_order_relaxed);
    if (!on_written_) return;
    const std::lock_guard lock(reporting_);
    on_written_(bytes);
  }

 private:
  const std::function<void(std::uint64_t)>& on_written_;
  std::mutex reporting_;  // held while on_written_ is called
  WriteProgress* progress_;
};

/// Writes the data of a checkpoint that is not compressed.
class DataWriter {
 public:
  DataWriter(WritableFile& file, const CheckpointLayout& layout,
             std::span<const std::span<const std::byte>> data, WriteReport& report)
      : file_(file), entries_(layout.entries()), data_(data), blocks_(entries_.size()), report_(report) {
    for (std::size_t k = 0; k < entries_.size(); ++k) blocks_[k].resize(block_count(entries_[k].bytes));
  }

  /// Returns the checksums of all blocks of all variables.
  BlockChecksums write() {
    std::vector<const CheckpointEntry*> placed;
    for (const CheckpointEntry& entry : entries_) placed.push_back(&entry);
    const std::vector<DataPiece> pieces = cut_into_pieces(placed);
    parallel_ranges(static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        const DataPiece& piece = pieces[static_cast<std::size_t>(k)];
        if (piece.is_block()) {
          write_block(piece);
        } else {
          write_variables(piece);
        }
        report_(piece.data_bytes);
      }
    });
    return std::move(blocks_);
  }

 private:
  void write_block(const DataPiece& piece) {
    const CheckpointEntry& entry = entries_[piece.first];
    const std::span<const std::byte> block = data_[piece.first].subspan(piece.begin, piece.data_bytes);
    require_proper_bools(entry, block);
    std::uint32_t checksum = 0;
    for (std::size_t done = 0; done < block.size(); done += kSliceBytes) {
      const std::span<const std::byte> slice =
          block.subspan(done, std::min(kSliceBytes, block.size() - done));
      checksum = crc32c(slice, checksum);  // takes it into the cache, from where the file call copies it
      file_.write_at(entry.offset + piece.begin + done, slice);
    }
    blocks_[piece.first][piece.begin / block_bytes(entry.bytes)] = checksum;
  }

  /// Many small variables in one file call; what lies between them is zero.
  void write_variables(const DataPiece& piece) {
    std::vector<std::byte> image(piece.file_bytes);
    for (std::size_t variable = piece.first; variable < piece.last; ++variable) {
      const CheckpointEntry& entry = entries_[variable];
      const std::span<const std::byte> bytes = data_[variable];
      require_proper_bools(entry, bytes);
      blocks_[variable][0] = crc32c(bytes);
      std::copy(bytes.begin(), bytes.end(),
                image.begin() + static_cast<std::ptrdiff_t>(entry.offset - piece.file_begin));
    }
    file_.write_at(piece.file_begin, image);
  }

  WritableFile& file_;
  const std::vector<CheckpointEntry>& entries_;
  std::span<const std::span<const std::byte>> data_;
  BlockChecksums blocks_;
  WriteReport& report_;
};

/// Throws unless our own reader finds in the metadata what was asked for: a file that could not be read again
/// is never published.
void check_metadata(std::span<const std::byte> metadata, const CheckpointLayout& layout) {
  const auto refuse = [](const std::string& what) {
    throw RuntimeError("the metadata of a checkpoint is not as planned: " + what);
  };
  CheckpointIndex index;
  try {
    index = read_checkpoint_index(MetadataImage(metadata, layout.file_size()), "checkpoint metadata");
  } catch (const Error& error) {
    refuse(error.what());
  }
  const auto& entries = layout.entries();
  const auto is_planned = [&](const IndexedVariable& made, const CheckpointEntry& wanted) {
    const ChunkedData* chunked = layout.chunked(static_cast<std::size_t>(&wanted - entries.data()));
    if ((made.chunked != nullptr) != (chunked != nullptr)) return false;
    if (chunked != nullptr && made.chunked->chunks != chunked->chunks) return false;
    return made.entry.name == wanted.name && made.entry.dtype == wanted.dtype &&
           made.entry.shape == wanted.shape && made.entry.offset == wanted.offset &&
           made.entry.bytes == wanted.bytes && made.entry.stored_bytes == wanted.stored_bytes;
  };
  if (!std::equal(index.variables.begin(), index.variables.end(), entries.begin(), entries.end(),
                  is_planned)) {
    refuse("a variable differs");
  }
}

void check_path(FileSystem& files, const std::string& path) {
  if (path.empty() || path.ends_with('/')) {
    throw ValueError("'" + path + "' is no path for a checkpoint: it has no file name");
  }
  const std::optional<FileStatus> status = files.status(path);
  if (status && status->is_directory) {
    throw ValueError("cannot write the checkpoint '" + path + "': there is a directory of that name");
  }
}

}  // namespace

void write_checkpoint(FileSystem& files, const std::string& path, std::span<const NamedArray> variables,
                      const WriteCheckpointOptions& options, WriteProgress* progress,
                      const ChunkSizes& sizes) {
  check_path(files, path);
  CheckpointLayout layout = plan_layout(variables, options, sizes);
  if (progress != nullptr) {
    std::uint64_t total = 0;
    for (const CheckpointEntry& entry : layout.entries()) total += entry.bytes;
    progress->bytes_total.store(total, std::memory_order_relaxed);  // as bytes_written
  }
  std::vector<std::span<const std::byte>> data(variables.size());  // in the layout's order
  for (std::size_t k = 0; k < variables.size(); ++k) data[layout.position(k)] = bytes_of(variables[k].second);
  WriteReport report(options.on_written, progress);
  write_durably(files, path, [&](WritableFile& file) {
    file.reserve(layout.file_size());
    const BlockChecksums blocks = options.compression_level == 0
                                      ? DataWriter(file, layout, data, report).write()
                                      : write_compressed(file, layout, data, options.compression_level,
                                                         [&report](std::uint64_t bytes) { report(bytes); });
    const std::vector<std::byte> metadata = layout.metadata(blocks);
    check_metadata(metadata, layout);
    file.write_at(0, metadata);
  });
}

}  // namespace varscope::io

namespace varscope {

void write_checkpoint(const std::string& path, std::span<const std::pair<std::string, Array>> variables,
                      const WriteCheckpointOptions& options) {
  io::write_checkpoint(io::posix_file_system(), path, variables, options);
}

}  // namespace varscope
