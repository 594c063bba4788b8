// SPDX-License-Identifier: Apache-2.0
// How the data of a compressed variable is cut into chunks: each holds elements that follow each other, so
// that it can be made from, and put back into, one range of bytes of the whole.
#pragma once

#include "checkpoint_format.hpp"

#include <varscope/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace varscope::io {

/// A chunk as it stands in the file.
struct StoredChunk {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc32c = 0;  ///< of these bytes
  bool deflated = false;     ///< else they are its elements themselves: they would not have become fewer

  friend bool operator==(const StoredChunk&, const StoredChunk&) = default;
};

/// What decides whether, and how, data is cut; tests cut finer.
struct ChunkSizes {
  std::uint64_t smallest_data = kSmallestChunked;
  std::uint64_t usual_chunk = kUsualChunkBytes;
};

/// A value type. The shape of a chunk is (1, ..., 1, k, d, ..., d): one index of some axes, k of the next,
/// and all of the others. Along that axis the last chunk may reach beyond the data; HDF5 stores all chunks
/// whole.
class ChunkGrid {
 public:
  /// The grid that the writer chooses; none if the data is to stay contiguous: little of it, or too much for
  /// kMaxChunks chunks of the largest size. Requires: the data's bytes fit into 63 bits.
  static std::optional<ChunkGrid> plan(const Shape& shape, std::size_t element_bytes,
                                       const ChunkSizes& sizes = {});

  /// The grid of chunks of this shape; none if they are no runs of elements, larger than the data, too large
  /// or too many. Requires: the data's bytes fit into 63 bits.
  static std::optional<ChunkGrid> make(const Shape& shape, std::size_t element_bytes,
                                       std::vector<std::int64_t> chunk_shape);

  const std::vector<std::int64_t>& chunk_shape() const noexcept { return chunk_shape_; }
  std::size_t element_bytes() const noexcept { return element_bytes_; }

  /// Of a whole chunk, whether or not the data fills it; not more than the data has.
  std::uint64_t chunk_bytes() const noexcept { return row_bytes_ * rows_; }

  std::size_t count() const noexcept { return count_; }

  /// The part of the data in chunk `k`: its first byte, and how many. Parts follow each other.
  std::uint64_t data_begin(std::size_t k) const noexcept;
  std::uint64_t data_bytes(std::size_t k) const noexcept;

  friend bool operator==(const ChunkGrid&, const ChunkGrid&) = default;

 private:
  ChunkGrid() = default;

  std::vector<std::int64_t> chunk_shape_;
  std::size_t element_bytes_ = 0;
  std::uint64_t row_bytes_ = 0;        // of one index of the axis that is cut
  std::uint64_t rows_ = 0;             // of a chunk: k above
  std::uint64_t axis_rows_ = 0;        // of the data along that axis
  std::uint64_t chunks_per_axis_ = 0;  // axis_rows_ / rows_, rounded up
  std::size_t count_ = 0;
};

/// The data of a compressed variable.
struct ChunkedData {
  ChunkGrid grid;
  std::vector<StoredChunk> chunks;
};

/// The checksum of the data from those of its parts. Requires: one for each chunk.
std::uint32_t checksum_of_parts(std::span<const std::uint32_t> parts, const ChunkGrid& grid) noexcept;

}  // namespace varscope::io
