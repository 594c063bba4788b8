// SPDX-License-Identifier: Apache-2.0
#include "hdf5_fixed_array.hpp"

#include "hdf5_checksum.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

namespace varscope::io {

namespace {

constexpr std::uint64_t kArrayHeaderBytes = 28;
constexpr std::uint64_t kArrayBlockOverhead = 4 + 1 + 1 + 8 + 4;  // FADB, version, client, header, checksum
constexpr std::uint64_t kFilteredChunks = 1;                      // the client of the array

/// How many bytes a chunk's stored size takes: as libhdf5 reckons, one more than its full size needs.
std::size_t size_bytes(const ChunkGrid& grid) noexcept {
  const auto log2 = static_cast<std::size_t>(std::bit_width(grid.chunk_bytes()) - 1);
  return std::min<std::size_t>(1 + (log2 + 8) / 8, 8);
}

std::size_t element_bytes(const ChunkGrid& grid) noexcept {
  return 8 + size_bytes(grid) + 4;
}

std::uint64_t block_size(const ChunkGrid& grid) noexcept {
  return kArrayBlockOverhead + grid.count() * element_bytes(grid);
}

void append_number(std::vector<std::byte>& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t k = 0; k < size; ++k) bytes.push_back(static_cast<std::byte>(value >> (8 * k)));
}

void append_signature(std::vector<std::byte>& bytes, std::string_view text) {
  for (const char letter : text) bytes.push_back(static_cast<std::byte>(letter));
}

void append_checksum(std::vector<std::byte>& bytes, std::size_t begin) {
  append_number(bytes, hdf5_checksum(std::span<const std::byte>(bytes).subspan(begin)), 4);
}

/// Throws unless the next number is `wanted`.
void expect_number(ByteCursor& cursor, std::size_t size, std::uint64_t wanted, const char* what) {
  const ByteRange range{cursor.offset(), size};
  const std::uint64_t number = cursor.take(size);
  if (number != wanted) {
    cursor.place().damaged(range, std::string("an index of chunks whose ") + what + " is " +
                                      std::to_string(number) + ", not " + std::to_string(wanted));
  }
}

}  // namespace

std::uint64_t fixed_array_bytes(const ChunkGrid& grid) noexcept {
  return kArrayHeaderBytes + block_size(grid);
}

void append_fixed_array(std::vector<std::byte>& bytes, std::uint64_t address, const ChunkGrid& grid,
                        std::span<const StoredChunk> chunks) {
  const std::size_t header = bytes.size();
  append_signature(bytes, "FAHD");
  append_number(bytes, 0, 1);  // version
  append_number(bytes, kFilteredChunks, 1);
  append_number(bytes, element_bytes(grid), 1);
  append_number(bytes, kFixedArrayPageBits, 1);
  append_number(bytes, grid.count(), 8);
  append_number(bytes, address + kArrayHeaderBytes, 8);
  append_checksum(bytes, header);
  const std::size_t block = bytes.size();
  append_signature(bytes, "FADB");
  append_number(bytes, 0, 1);  // version
  append_number(bytes, kFilteredChunks, 1);
  append_number(bytes, address, 8);
  for (const StoredChunk& chunk : chunks) {
    append_number(bytes, chunk.offset, 8);
    append_number(bytes, chunk.bytes, size_bytes(grid));
    append_number(bytes, chunk.deflated ? kNoFilterSkipped : kBothFiltersSkipped, 4);
  }
  append_checksum(bytes, block);
}

bool decode_filter_mask(std::uint64_t mask, ByteRange range, const Place& place) {
  if (mask == kBothFiltersSkipped) return false;
  if (mask != kNoFilterSkipped) place.outside_profile(range, "chunks with one of two filters");
  return true;
}

std::vector<StoredChunk> read_fixed_array(const ReadableFile& file, std::uint64_t address,
                                          const ChunkGrid& grid, ExtentMap& extents, const Place& place) {
  const std::vector<std::byte> header =
      read_checked(file, {address, kArrayHeaderBytes}, "FAHD", "index of chunks", extents, place);
  ByteCursor fields(header, address, place);
  fields.take(4);
  expect_number(fields, 1, 0, "version");
  expect_number(fields, 1, kFilteredChunks, "kind");
  expect_number(fields, 1, element_bytes(grid), "size of elements");
  expect_number(fields, 1, kFixedArrayPageBits, "number of page bits");
  expect_number(fields, 8, grid.count(), "number of chunks");
  const std::uint64_t block_address = fields.take(8);

  const std::vector<std::byte> block =
      read_checked(file, {block_address, block_size(grid)}, "FADB", "index of chunks", extents, place);
  ByteCursor elements(block, block_address, place);
  elements.take(4);
  expect_number(elements, 1, 0, "version");
  expect_number(elements, 1, kFilteredChunks, "kind");
  expect_number(elements, 8, address, "header's address");
  std::vector<StoredChunk> chunks(grid.count());
  for (StoredChunk& chunk : chunks) {
    const ByteRange range{elements.offset(), element_bytes(grid)};
    chunk.offset = elements.take(8);
    chunk.bytes = elements.take(size_bytes(grid));
    chunk.deflated = decode_filter_mask(elements.take(4), range, place);
  }
  return chunks;
}

}  // namespace varscope::io
