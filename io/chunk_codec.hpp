// SPDX-License-Identifier: Apache-2.0
// What happens to the bytes of one chunk on the way into a file and back: HDF5's filters shuffle and deflate.
// Shuffle puts the first bytes of all elements first, then all second ones, and so on: exponents and zeros
// come together, and Deflate finds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace varscope::io {

/// Throws ValueError unless it is one of Deflate's, 1 to 9, or 0, which compresses nothing.
void require_compression_level(int level);

struct EncodedChunk {
  std::vector<std::byte> bytes;
  bool deflated = false;  ///< else these are the elements themselves, which would not have become fewer
};

/// Encodes some elements, filled up with zeros to `chunk_bytes`. Throws ResourceExhaustedError if
/// there is no memory. Requires: 1 <= level <= 9; elements of 1, 4 or 8 bytes. Thread-safe.
EncodedChunk encode_chunk(std::span<const std::byte> elements, std::uint64_t chunk_bytes,
                          std::size_t element_bytes, int level);

/// Decodes the elements at the front of a chunk; needs memory for chunk_bytes, whatever is stored. Returns
/// null, or what is wrong; then `elements` holds anything. Throws ResourceExhaustedError if there is no
/// memory. Requires: the range fits the chunk. Thread-safe.
const char* decode_chunk(std::span<const std::byte> stored, bool deflated, std::uint64_t chunk_bytes,
                         std::size_t element_bytes, std::span<std::byte> elements);

}  // namespace varscope::io
