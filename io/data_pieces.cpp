// SPDX-License-Identifier: Apache-2.0
#include "data_pieces.hpp"

#include "checkpoint_format.hpp"

#include <algorithm>

namespace varscope::io {

namespace {

/// Variables are joined up to so many bytes of the file.
constexpr std::uint64_t kJoinedBytes = std::uint64_t{1} << 20;
/// A variable of more bytes gains nothing from being copied together with others.
constexpr std::uint64_t kSmallVariable = std::uint64_t{1} << 15;

/// Whether the variable can go on a piece that ends at byte `end` of the file.
bool joins(const DataPiece& piece, const CheckpointEntry& entry) {
  const std::uint64_t end = piece.file_begin + piece.file_bytes;
  return entry.offset >= end && entry.offset - end < kLargeAlignment &&
         entry.offset + entry.bytes - piece.file_begin <= kJoinedBytes;
}

}  // namespace

std::optional<std::byte> improper_bool(DType dtype, std::span<const std::byte> elements) noexcept {
  if (dtype != DType::boolean) return std::nullopt;
  const auto found =
      std::find_if(elements.begin(), elements.end(), [](std::byte byte) { return byte > std::byte{1}; });
  return found == elements.end() ? std::nullopt : std::optional(*found);
}

std::vector<DataPiece> cut_into_pieces(std::span<const CheckpointEntry* const> entries) {
  std::vector<DataPiece> pieces;
  bool may_join = false;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const CheckpointEntry& entry = *entries[k];
    if (entry.bytes == 0) {
      may_join = false;
      continue;
    }
    if (entry.num_chunks > 0) {
      for (std::size_t chunk = 0; chunk < entry.num_chunks; ++chunk) {
        pieces.push_back({.first = k, .last = k, .is_chunk = true, .chunk = chunk});
      }
      may_join = false;
      continue;
    }
    if (entry.bytes > kSmallVariable) {
      const std::uint64_t block = block_bytes(entry.bytes);
      for (std::uint64_t begin = 0; begin < entry.bytes; begin += block) {
        pieces.push_back(
            {.first = k, .last = k, .begin = begin, .data_bytes = std::min(block, entry.bytes - begin)});
      }
      may_join = false;
    } else if (may_join && joins(pieces.back(), entry)) {
      DataPiece& piece = pieces.back();
      piece.last = k + 1;
      piece.data_bytes += entry.bytes;
      piece.file_bytes = entry.offset + entry.bytes - piece.file_begin;
    } else {
      pieces.push_back({.first = k,
                        .last = k + 1,
                        .data_bytes = entry.bytes,
                        .file_begin = entry.offset,
                        .file_bytes = entry.bytes});
      may_join = true;
    }
  }
  return pieces;
}

}  // namespace varscope::io
