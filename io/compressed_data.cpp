// SPDX-License-Identifier: Apache-2.0
#include "compressed_data.hpp"

#include "checkpoint_format.hpp"
#include "chunk_codec.hpp"
#include "crc32c.hpp"
#include "data_pieces.hpp"

#include <varscope/error.hpp>
#include <varscope/parallel_ranges.hpp>

#include <algorithm>

namespace varscope::io {

namespace {

/// Data of so many bytes is compressed before any of it is written: enough chunks to keep many threads busy.
constexpr std::uint64_t kWindowDataBytes = std::uint64_t{128} << 20;
/// What lies side by side in the file is written together up to so many bytes.
constexpr std::uint64_t kWriteBytes = std::uint64_t{1} << 20;

/// A chunk, or a block of a variable that is contiguous, on its way into the file.
struct Portion {
  std::size_t entry = 0;
  std::size_t number = 0;  // of the chunk or the block
  std::span<const std::byte> elements;
  EncodedChunk encoded{};        // of a chunk
  std::uint32_t stored_crc = 0;  // of a chunk
  std::uint64_t offset = 0;      // in the file, once it is placed
  std::span<const std::byte> stored() const { return encoded.bytes.empty() ? elements : encoded.bytes; }
};

class WindowWriter {
 public:
  WindowWriter(WritableFile& file, CheckpointLayout& layout, int level,
               const std::function<void(std::uint64_t)>& report)
      : file_(file), layout_(layout), level_(level), report_(report), checksums_(layout.entries().size()) {}

  /// The next portion, in order; a full window is written.
  void add(std::size_t entry, std::size_t number, std::span<const std::byte> elements) {
    checksums_[entry].push_back(0);
    window_.push_back({.entry = entry, .number = number, .elements = elements});
    window_bytes_ += elements.size();
    if (window_bytes_ >= kWindowDataBytes) write_window();
  }

  BlockChecksums finish() {
    write_window();
    return std::move(checksums_);
  }

 private:
  void write_window() {
    if (window_.empty()) return;
    in_parallel(window_.size(), [this](std::size_t k) { prepare(window_[k]); });
    for (Portion& portion : window_) place(portion);
    file_.reserve(layout_.file_size());
    const std::vector<std::size_t> ends = ends_of_writes();
    in_parallel(ends.size(), [&](std::size_t k) {
      write(std::span(window_).subspan(k == 0 ? 0 : ends[k - 1], ends[k] - (k == 0 ? 0 : ends[k - 1])));
    });
    window_.clear();
    window_bytes_ = 0;
  }

  template <typename Body>
  static void in_parallel(std::size_t count, const Body& body) {
    parallel_ranges(static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) body(static_cast<std::size_t>(k));
    });
  }

  void prepare(Portion& portion) {
    require_proper_bools(layout_.entries()[portion.entry], portion.elements);
    checksums_[portion.entry][portion.number] = crc32c(portion.elements);
    const ChunkedData* chunked = layout_.chunked(portion.entry);
    if (chunked == nullptr) return;
    portion.encoded =
        encode_chunk(portion.elements, chunked->grid.chunk_bytes(), chunked->grid.element_bytes(), level_);
    portion.stored_crc = crc32c(portion.encoded.bytes);
  }

  void place(Portion& portion) {
    const ChunkedData* chunked = layout_.chunked(portion.entry);
    if (chunked == nullptr) {
      const CheckpointEntry& entry = layout_.entries()[portion.entry];
      if (portion.number == 0) layout_.place(portion.entry);
      portion.offset = entry.offset + portion.number * block_bytes(entry.bytes);
    } else {
      layout_.place_chunk(portion.entry, {.bytes = portion.encoded.bytes.size(),
                                          .crc32c = portion.stored_crc,
                                          .deflated = portion.encoded.deflated});
      portion.offset = chunked->chunks.back().offset;
    }
  }

  /// The window cut into file calls: behind the last portion of each.
  std::vector<std::size_t> ends_of_writes() const {
    std::vector<std::size_t> ends;
    std::uint64_t begin = window_.front().offset;
    for (std::size_t k = 1; k < window_.size(); ++k) {
      if (window_[k].offset + window_[k].stored().size() - begin <= kWriteBytes) continue;
      ends.push_back(k);
      begin = window_[k].offset;
    }
    ends.push_back(window_.size());
    return ends;
  }

  /// In one file call; what lies between the portions is zero.
  void write(std::span<const Portion> portions) {
    const Portion& first = portions.front();
    const Portion& last = portions.back();
    if (portions.size() == 1) {
      file_.write_at(first.offset, first.stored());
    } else {
      std::vector<std::byte> image(last.offset + last.stored().size() - first.offset);
      for (const Portion& portion : portions) {
        std::copy(portion.stored().begin(), portion.stored().end(),
                  image.begin() + static_cast<std::ptrdiff_t>(portion.offset - first.offset));
      }
      file_.write_at(first.offset, image);
    }
    for (const Portion& portion : portions) report_(portion.elements.size());
  }

  WritableFile& file_;
  CheckpointLayout& layout_;
  int level_;
  const std::function<void(std::uint64_t)>& report_;
  BlockChecksums checksums_;
  std::vector<Portion> window_;
  std::uint64_t window_bytes_ = 0;
};

}  // namespace

void require_proper_bools(const CheckpointEntry& entry, std::span<const std::byte> elements) {
  const std::optional<std::byte> improper = improper_bool(entry.dtype, elements);
  if (!improper) return;
  throw ValueError("the variable '" + entry.name + "' holds a bool that is neither 0 nor 1: " +
                   std::to_string(std::to_integer<int>(*improper)));
}

BlockChecksums write_compressed(WritableFile& file, CheckpointLayout& layout,
                                std::span<const std::span<const std::byte>> data, int compression_level,
                                const std::function<void(std::uint64_t bytes)>& report) {
  WindowWriter writer(file, layout, compression_level, report);
  for (std::size_t entry = 0; entry < data.size(); ++entry) {
    if (const ChunkedData* chunked = layout.chunked(entry)) {
      const ChunkGrid& grid = chunked->grid;
      for (std::size_t k = 0; k < grid.count(); ++k) {
        writer.add(entry, k, data[entry].subspan(grid.data_begin(k), grid.data_bytes(k)));
      }
    } else {
      const std::uint64_t block = block_bytes(data[entry].size());
      for (std::size_t k = 0; k < block_count(data[entry].size()); ++k) {
        writer.add(entry, k, data[entry].subspan(k * block, std::min(block, data[entry].size() - k * block)));
      }
    }
  }
  return writer.finish();
}

}  // namespace varscope::io
