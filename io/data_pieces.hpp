// SPDX-License-Identifier: Apache-2.0
// How the data of a checkpoint is cut into pieces of work for several threads: a block of a large variable,
// or many small variables that lie side by side, which then take one file call.
#pragma once

#include <varscope/checkpoint.hpp>
#include <varscope/dtype.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace varscope::io {

/// A thread goes through a block in slices of so many bytes: few enough that one stays in the second-level
/// cache between its checksum and its copy, enough to hide what a file call costs. A multiple of every
/// element's size.
inline constexpr std::size_t kSliceBytes = std::size_t{1} << 18;

/// A chunk of compressed data, a block of other data, or several variables.
struct DataPiece {
  std::size_t first = 0;         ///< index of the variable, or of the first one
  std::size_t last = 0;          ///< behind the last one; equal to `first` for a block or a chunk
  std::uint64_t begin = 0;       ///< of a block: its first byte in the variable's data
  std::uint64_t data_bytes = 0;  ///< of data
  std::uint64_t file_begin = 0;  ///< of variables: where the first one's data lies
  std::uint64_t file_bytes = 0;  ///< and how many bytes to the end of the last one's

  bool is_chunk = false;
  std::size_t chunk = 0;  ///< its number; of a chunk nothing else but the variable is set

  bool is_block() const noexcept { return first == last && !is_chunk; }
};

/// The first bool that is neither 0 nor 1, which no reader takes, since C++ cannot hold it; empty if there is
/// none, or the elements are no bools.
std::optional<std::byte> improper_bool(DType dtype, std::span<const std::byte> elements) noexcept;

/// Covers all data. Variables are joined where they follow each other in the list and in the file, with less
/// than one alignment in between. Requires: the entries are placed.
std::vector<DataPiece> cut_into_pieces(std::span<const CheckpointEntry* const> entries);

}  // namespace varscope::io
