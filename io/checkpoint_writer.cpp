// SPDX-License-Identifier: Apache-2.0
// A checkpoint is written in this order: the layout says where everything goes; the data is written there, in
// parallel, and checksummed on the way; then the metadata, which holds the checksums, once our own reader has
// gone through it.
#include "checkpoint_writer.hpp"

#include "checkpoint_format.hpp"
#include "checkpoint_index.hpp"
#include "checkpoint_layout.hpp"
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
using BlockChecksums = std::vector<std::vector<std::uint32_t>>;

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

CheckpointLayout plan_layout(std::span<const NamedArray> variables, std::optional<std::int64_t> global_step) {
  std::vector<CheckpointEntry> entries;
  entries.reserve(variables.size());
  for (const auto& [name, array] : variables) {
    entries.push_back({.name = name, .dtype = array.dtype(), .shape = array.shape()});
  }
  return {std::move(entries), global_step};
}

/// Writes the data of a checkpoint.
class DataWriter {
 public:
  /// Either way to follow it may be null.
  DataWriter(WritableFile& file, const CheckpointLayout& layout, std::span<const NamedArray> variables,
             const std::function<void(std::uint64_t)>& on_written, WriteProgress* progress)
      : file_(file),
        entries_(layout.entries()),
        arrays_(entries_.size()),
        blocks_(entries_.size()),
        on_written_(on_written),
        progress_(progress) {
    for (std::size_t k = 0; k < variables.size(); ++k) arrays_[layout.position(k)] = &variables[k].second;
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
        report(piece.data_bytes);
      }
    });
    return std::move(blocks_);
  }

 private:
  void report(std::uint64_t bytes) {
    // Relaxed: a number to look at; nothing follows from it.
    if (progress_ != nullptr) progress_->bytes_written.fetch_add(bytes, std::memory_order_relaxed);
    if (!on_written_) return;
    const std::lock_guard lock(reporting_);
    on_written_(bytes);
  }

  /// A reader refuses any other bool, since C++ cannot hold it.
  void require_proper_bools(std::size_t variable, std::span<const std::byte> bytes) const {
    if (entries_[variable].dtype != DType::boolean) return;
    for (const std::byte byte : bytes) {
      if (byte > std::byte{1}) {
        throw ValueError(
            "the variable '" + entries_[variable].name +
            "' holds a bool that is neither 0 nor 1: " + std::to_string(std::to_integer<int>(byte)));
      }
    }
  }

  void write_block(const DataPiece& piece) {
    const CheckpointEntry& entry = entries_[piece.first];
    const std::span<const std::byte> block =
        bytes_of(*arrays_[piece.first]).subspan(piece.begin, piece.data_bytes);
    require_proper_bools(piece.first, block);
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
      const std::span<const std::byte> bytes = bytes_of(*arrays_[variable]);
      require_proper_bools(variable, bytes);
      blocks_[variable][0] = crc32c(bytes);
      std::copy(bytes.begin(), bytes.end(),
                image.begin() + static_cast<std::ptrdiff_t>(entry.offset - piece.file_begin));
    }
    file_.write_at(piece.file_begin, image);
  }

  WritableFile& file_;
  const std::vector<CheckpointEntry>& entries_;
  std::vector<const Array*> arrays_;
  BlockChecksums blocks_;
  const std::function<void(std::uint64_t)>& on_written_;
  std::mutex reporting_;  // held while on_written_ is called
  WriteProgress* progress_;
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
  const auto is_planned = [](const IndexedVariable& made, const CheckpointEntry& wanted) {
    return made.entry.name == wanted.name && made.entry.dtype == wanted.dtype &&
           made.entry.shape == wanted.shape && made.entry.offset == wanted.offset &&
           made.entry.bytes == wanted.bytes;
  };
  const auto& entries = layout.entries();
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
                      const WriteCheckpointOptions& options, WriteProgress* progress) {
  check_path(files, path);
  const CheckpointLayout layout = plan_layout(variables, options.global_step);
  if (progress != nullptr) {
    std::uint64_t total = 0;
    for (const CheckpointEntry& entry : layout.entries()) total += entry.bytes;
    progress->bytes_total.store(total, std::memory_order_relaxed);  // as bytes_written
  }
  write_durably(files, path, [&](WritableFile& file) {
    file.reserve(layout.file_size());
    const BlockChecksums blocks = DataWriter(file, layout, variables, options.on_written, progress).write();
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
