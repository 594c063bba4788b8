// SPDX-License-Identifier: Apache-2.0
#include "chunk_grid.hpp"

#include "crc32c.hpp"

#include <algorithm>

namespace varscope::io {

std::optional<ChunkGrid> ChunkGrid::plan(const Shape& shape, std::size_t element_bytes,
                                         const ChunkSizes& sizes) {
  const auto bytes = static_cast<std::uint64_t>(shape.num_elements()) * element_bytes;
  if (bytes < sizes.smallest_data || shape.rank() == 0) return std::nullopt;
  for (std::uint64_t target = sizes.usual_chunk; target <= kMaxChunkBytes; target *= 2) {
    std::vector<std::int64_t> chunk_shape(shape.dimensions().size(), 1);
    std::size_t axis = chunk_shape.size() - 1;
    std::uint64_t row = element_bytes;
    const auto extent = [&] { return static_cast<std::uint64_t>(shape.dimensions()[axis]); };
    for (; axis > 0 && row * extent() <= target; --axis) {
      chunk_shape[axis] = shape.dimensions()[axis];
      row *= extent();
    }
    // As many chunks as of full size, but of nearly equal sizes: then there is next to nothing to fill up.
    const std::uint64_t most_rows = std::clamp<std::uint64_t>(target / row, 1, extent());
    const std::uint64_t chunks = (extent() - 1) / most_rows + 1;
    chunk_shape[axis] = static_cast<std::int64_t>((extent() - 1) / chunks + 1);
    if (std::optional<ChunkGrid> grid = make(shape, element_bytes, std::move(chunk_shape))) return grid;
  }
  return std::nullopt;
}

std::optional<ChunkGrid> ChunkGrid::make(const Shape& shape, std::size_t element_bytes,
                                         std::vector<std::int64_t> chunk_shape) {
  const std::vector<std::int64_t>& extents = shape.dimensions();
  if (extents.empty() || chunk_shape.size() != extents.size()) return std::nullopt;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (chunk_shape[axis] < 1 || chunk_shape[axis] > extents[axis]) return std::nullopt;
  }
  std::size_t cut = 0;
  std::uint64_t before = 1;
  for (; cut + 1 < extents.size() && chunk_shape[cut] == 1; ++cut) {
    before *= static_cast<std::uint64_t>(extents[cut]);
  }
  ChunkGrid grid;
  grid.row_bytes_ = element_bytes;
  for (std::size_t axis = cut + 1; axis < extents.size(); ++axis) {
    if (chunk_shape[axis] != extents[axis]) return std::nullopt;
    grid.row_bytes_ *= static_cast<std::uint64_t>(extents[axis]);
  }
  grid.element_bytes_ = element_bytes;
  grid.rows_ = static_cast<std::uint64_t>(chunk_shape[cut]);
  grid.axis_rows_ = static_cast<std::uint64_t>(extents[cut]);
  grid.chunks_per_axis_ = (grid.axis_rows_ - 1) / grid.rows_ + 1;
  grid.count_ = before * grid.chunks_per_axis_;
  grid.chunk_shape_ = std::move(chunk_shape);
  if (grid.count_ > kMaxChunks || grid.chunk_bytes() > kMaxChunkBytes) return std::nullopt;
  return grid;
}

std::uint64_t ChunkGrid::data_begin(std::size_t k) const noexcept {
  return row_bytes_ * (k / chunks_per_axis_ * axis_rows_ + k % chunks_per_axis_ * rows_);
}

std::uint64_t ChunkGrid::data_bytes(std::size_t k) const noexcept {
  return row_bytes_ * std::min(rows_, axis_rows_ - k % chunks_per_axis_ * rows_);
}

std::uint32_t checksum_of_parts(std::span<const std::uint32_t> parts, const ChunkGrid& grid) noexcept {
  std::uint32_t checksum = 0;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    checksum = crc32c_combine(checksum, parts[k], grid.data_bytes(k));
  }
  return checksum;
}

}  // namespace varscope::io
