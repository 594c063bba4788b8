// SPDX-License-Identifier: Apache-2.0
#include "chunk_codec.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <zlib.h>

namespace varscope::io {

namespace {

template <std::size_t kBytes>
void shuffle_elements(const std::byte* elements, std::uint64_t count, std::byte* planes,
                      std::uint64_t plane_bytes) {
  for (std::uint64_t k = 0; k < count; ++k) {
    for (std::size_t byte = 0; byte < kBytes; ++byte) {
      planes[byte * plane_bytes + k] = elements[k * kBytes + byte];
    }
  }
}

template <std::size_t kBytes>
void unshuffle_elements(const std::byte* planes, std::uint64_t plane_bytes, std::uint64_t count,
                        std::byte* elements) {
  for (std::uint64_t k = 0; k < count; ++k) {
    for (std::size_t byte = 0; byte < kBytes; ++byte) {
      elements[k * kBytes + byte] = planes[byte * plane_bytes + k];
    }
  }
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

/// Throws ResourceExhaustedError if there is no memory: a chunk of a large variable may take up to 1 GiB.
std::vector<std::byte> make_room(std::uint64_t bytes) {
  try {
    return std::vector<std::byte>(bytes);
  } catch (const std::bad_alloc&) {
    throw ResourceExhaustedError("there is no memory for the " + std::to_string(bytes) +
                                 " bytes of a compressed chunk");
  }
}

constexpr char kFilledUp[] = "the bytes of a chunk behind its elements are not zero";

}  // namespace

void require_compression_level(int level) {
  if (level >= 0 && level <= 9) return;
  throw ValueError("the compression level is " + std::to_string(level) +
                   "; give 1, fast, to 9, small, or 0 to compress nothing");
}

EncodedChunk encode_chunk(std::span<const std::byte> elements, std::uint64_t chunk_bytes,
                          std::size_t element_bytes, int level) {
  std::vector<std::byte> planes = make_room(chunk_bytes);
  const std::uint64_t count = elements.size() / element_bytes;
  const std::uint64_t plane_bytes = chunk_bytes / element_bytes;
  if (element_bytes == 8) {
    shuffle_elements<8>(elements.data(), count, planes.data(), plane_bytes);
  } else if (element_bytes == 4) {
    shuffle_elements<4>(elements.data(), count, planes.data(), plane_bytes);
  } else {
    std::copy(elements.begin(), elements.end(), planes.begin());
  }
  EncodedChunk chunk{.bytes = make_room(chunk_bytes), .deflated = true};
  // With room for one byte less, what does not become smaller does not fit.
  uLongf size = chunk_bytes - 1;
  const int result = compress2(reinterpret_cast<Bytef*>(chunk.bytes.data()), &size,
                               reinterpret_cast<const Bytef*>(planes.data()), chunk_bytes, level);
  if (result == Z_OK) {
    chunk.bytes.resize(size);
    chunk.bytes.shrink_to_fit();
    return chunk;
  }
  if (result == Z_MEM_ERROR) throw ResourceExhaustedError("there is no memory to compress a checkpoint");
  if (result != Z_BUF_ERROR) throw RuntimeError("zlib fails with code " + std::to_string(result));
  chunk.deflated = false;
  std::copy(elements.begin(), elements.end(), chunk.bytes.begin());
  std::fill(chunk.bytes.begin() + static_cast<std::ptrdiff_t>(elements.size()), chunk.bytes.end(),
            std::byte{0});
  return chunk;
}

const char* decode_chunk(std::span<const std::byte> stored, bool deflated, std::uint64_t chunk_bytes,
                         std::size_t element_bytes, std::span<std::byte> elements) {
  if (!deflated) {
    std::copy_n(stored.begin(), elements.size(), elements.begin());
    return is_zero(stored.subspan(elements.size())) ? nullptr : kFilledUp;
  }
  std::vector<std::byte> planes = make_room(chunk_bytes);
  uLongf size = chunk_bytes;
  uLong taken = stored.size();
  const int result = uncompress2(reinterpret_cast<Bytef*>(planes.data()), &size,
                                 reinterpret_cast<const Bytef*>(stored.data()), &taken);
  if (result == Z_MEM_ERROR) throw ResourceExhaustedError("there is no memory to decompress a checkpoint");
  if (result != Z_OK || size != chunk_bytes || taken != stored.size()) {
    return "a chunk that is not the compressed form of as many bytes as it should have";
  }
  const std::uint64_t count = elements.size() / element_bytes;
  const std::uint64_t plane_bytes = chunk_bytes / element_bytes;
  for (std::size_t byte = 0; byte < element_bytes; ++byte) {
    if (!is_zero(std::span(planes).subspan(byte * plane_bytes + count, plane_bytes - count))) {
      return kFilledUp;
    }
  }
  if (element_bytes == 8) {
    unshuffle_elements<8>(planes.data(), plane_bytes, count, elements.data());
  } else if (element_bytes == 4) {
    unshuffle_elements<4>(planes.data(), plane_bytes, count, elements.data());
  } else {
    std::copy_n(planes.begin(), elements.size(), elements.begin());
  }
  return nullptr;
}

}  // namespace varscope::io
