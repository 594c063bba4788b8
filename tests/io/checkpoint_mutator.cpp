// SPDX-License-Identifier: Apache-2.0
// It knows where headers and messages are, but believes nothing of what it finds there. Built without
// instrumentation into the fuzzer: it is no part of what is tested, and runs as often.
#include "checkpoint_mutator.hpp"

#include "checkpoint_digest.hpp"
#include "chunk_codec.hpp"
#include "crc32c.hpp"
#include "hdf5_checksum.hpp"
#include "hdf5_fixed_array.hpp"
#include "hdf5_format.hpp"
#include "hdf5_messages.hpp"
#include "hdf5_types.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace varscope::testing {

namespace {

using Bytes = std::span<std::byte>;

/// A linear congruential generator's high bits: the standard library's divide, which takes as long as a
/// mutation.
class Numbers {
 public:
  explicit Numbers(std::uint32_t seed) noexcept : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::size_t below(std::size_t limit) noexcept {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(((state_ >> 32) * limit) >> 32);
  }
  bool one_in(std::size_t count) noexcept { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

std::uint64_t load(std::span<const std::byte> bytes, std::size_t at, std::size_t size) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

void store(Bytes bytes, std::size_t at, std::uint64_t value, std::size_t size) noexcept {
  std::memcpy(bytes.data() + at, &value, size);
}

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A chunk of an object header, or a part of an index of chunks, which has no messages; its checksum
/// included.
struct Chunk {
  Bytes bytes;
  std::size_t messages_begin = 0;

  /// Calls use(type, body, where the message begins in the chunk) until one does not fit.
  template <typename Use>
  void for_each_message(const Use& use) const {
    const std::size_t end = bytes.size() - 4;
    for (std::size_t at = messages_begin; at + io::kMessagePrefixBytes <= end;) {
      const std::size_t size = load(bytes, at + 1, 2);
      if (size > end - at - io::kMessagePrefixBytes) return;
      use(static_cast<std::uint8_t>(load(bytes, at, 1)), bytes.subspan(at + io::kMessagePrefixBytes, size),
          at);
      at += io::kMessagePrefixBytes + size;
    }
  }
};

constexpr std::size_t kArrayHeaderBytes = 28;

/// The data block of the fixed array whose header is at `at`, if there can be one.
Bytes array_block_of(Bytes file, std::size_t at) noexcept {
  if (at > file.size() || file.size() - at < kArrayHeaderBytes) return {};
  const std::uint64_t count = load(file, at + 8, 8);
  const std::uint64_t begin = load(file, at + 16, 8);
  if (count > file.size() || begin > file.size()) return {};
  const std::uint64_t size = 18 + count * load(file, at + 6, 1);
  return size > file.size() - begin ? Bytes{} : file.subspan(begin, size);
}

/// The chunks that can be made out; continuations behind the headers, indexes of chunks behind both.
void find_chunks(Bytes file, std::vector<Chunk>& chunks) {
  chunks.clear();
  const std::string_view text = text_of(file);
  for (std::size_t at = text.find("OHDR", io::kSuperblockBytes); at != text.npos;
       at = text.find("OHDR", at + 1)) {
    if (file.size() - at < 14) break;
    const std::size_t begin = 6 + (std::size_t{1} << (load(file, at + 5, 1) & 3));
    if (begin > file.size() - at) continue;
    const std::uint64_t content = load(file, at + 6, begin - 6);
    if (content > file.size() - at || begin + content + 4 > file.size() - at) continue;
    chunks.push_back({file.subspan(at, begin + content + 4), begin});
  }
  for (std::size_t next = 0; next < chunks.size() && chunks.size() < 64; ++next) {
    const Chunk chunk = chunks[next];
    chunk.for_each_message([&](std::uint8_t type, Bytes body, std::size_t) {
      if (type != io::kContinuationMessage || body.size() != 16) return;
      const std::uint64_t at = load(body, 0, 8);
      const std::uint64_t size = load(body, 8, 8);
      if (at > file.size() || size > file.size() - at || size < 8 || chunks.size() >= 64) return;
      if (text_of(file.subspan(at, 4)) == "OCHK") chunks.push_back({file.subspan(at, size), 4});
    });
  }
  for (std::size_t at = text.find("FAHD"); at != text.npos; at = text.find("FAHD", at + 1)) {
    if (file.size() - at < kArrayHeaderBytes || chunks.size() >= 64) break;
    chunks.push_back({file.subspan(at, kArrayHeaderBytes), kArrayHeaderBytes});
    if (const Bytes block = array_block_of(file, at); !block.empty()) chunks.push_back({block, block.size()});
  }
}

/// An attribute's value, if it has that name.
Bytes value_of(Bytes attribute, std::string_view name) noexcept {
  constexpr std::size_t kPrefix = 9;
  if (attribute.size() < kPrefix || load(attribute, 2, 2) != name.size() + 1) return {};
  const std::size_t before = kPrefix + name.size() + 1 + load(attribute, 4, 2) + load(attribute, 6, 2);
  if (before > attribute.size() || text_of(attribute.subspan(kPrefix, name.size())) != name) return {};
  return attribute.subspan(before);
}

/// A dataset's fields, as far as they can be made out.
struct Dataset {
  Bytes name, checksum, chunk_checksums, dimensions, layout, chunked_layout;
  std::optional<DType> dtype;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

Dataset dataset_of(const Chunk& chunk) {
  Dataset dataset;
  chunk.for_each_message([&](std::uint8_t type, Bytes body, std::size_t) {
    if (type == io::kDataspaceMessage && body.size() >= 4) {
      const std::size_t rank = load(body, 1, 1);
      if (4 + 8 * rank <= body.size()) dataset.dimensions = body.subspan(4, 8 * rank);
    } else if (type == io::kDatatypeMessage) {
      for (const auto& [encoding, dtype] : io::kElementTypes) {
        if (text_of(body) == encoding) dataset.dtype = dtype;
      }
    } else if (type == io::kDataLayoutMessage && body.size() == 18) {
      dataset.layout = body;
      dataset.address = load(body, 2, 8);
      dataset.size = load(body, 10, 8);
    } else if (type == io::kDataLayoutMessage && body.size() > 18) {
      dataset.chunked_layout = body;
    } else if (type == io::kAttributeMessage) {
      if (const Bytes name = value_of(body, "name"); !name.empty()) dataset.name = name;
      if (const Bytes checksum = value_of(body, "crc32c"); checksum.size() == 4) dataset.checksum = checksum;
      if (const Bytes list = value_of(body, "crc32c_chunks"); !list.empty()) dataset.chunk_checksums = list;
    }
  });
  return dataset;
}

std::vector<std::int64_t> numbers_of(std::span<const std::byte> bytes, std::size_t width) {
  std::vector<std::int64_t> numbers;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    numbers.push_back(static_cast<std::int64_t>(load(bytes, at, width)));
  }
  return numbers;
}

/// The chunks of a dataset as its index has them, however wrong; none if there is no making out.
std::vector<io::StoredChunk> stored_chunks(Bytes file, Bytes layout, std::size_t behind_shape) {
  std::vector<io::StoredChunk> chunks;
  const auto add = [&](std::uint64_t offset, std::uint64_t bytes, std::uint64_t mask) {
    if (offset > file.size() || bytes > file.size() - offset) return;
    const auto stored = std::span<const std::byte>(file).subspan(offset, bytes);
    chunks.push_back({offset, bytes, io::crc32c(stored), mask == io::kNoFilterSkipped});
  };
  if (layout.size() == behind_shape + 21) {  // one chunk
    add(load(layout, behind_shape + 13, 8), load(layout, behind_shape + 1, 8),
        load(layout, behind_shape + 9, 4));
  } else if (layout.size() == behind_shape + 10) {
    const std::uint64_t header = load(layout, behind_shape + 2, 8);
    const Bytes block = array_block_of(file, header);
    if (block.empty()) return chunks;
    const std::size_t element = load(file, header + 6, 1);
    if (element < 13 || element > 20) return chunks;
    for (std::size_t at = 14; at + element + 4 <= block.size(); at += element) {
      add(load(block, at, 8), load(block, at + 8, element - 12), load(block, at + element - 4, 4));
    }
  }
  return chunks;
}

/// Makes the checksums of chunks fit, and that of the data, where it can be had from them.
void repair_chunks(Bytes file, const Dataset& dataset) {
  constexpr std::uint64_t kMostData = std::uint64_t{1} << 16;
  const Bytes layout = dataset.chunked_layout;
  if (!dataset.dtype || dataset.checksum.empty() || layout[1] != std::byte{2}) return;
  const std::size_t width = load(layout, 4, 1);
  const std::size_t rank = load(layout, 3, 1);
  const std::size_t behind_shape = 5 + width * rank;
  if (width < 1 || width > 8 || rank < 2 || behind_shape > layout.size()) return;
  const std::vector<io::StoredChunk> chunks = stored_chunks(file, layout, behind_shape);
  for (std::size_t k = 0; k < chunks.size() && 4 * k + 4 <= dataset.chunk_checksums.size(); ++k) {
    store(dataset.chunk_checksums, 4 * k, chunks[k].crc32c, 4);
  }
  const std::vector<std::int64_t> extents = numbers_of(dataset.dimensions, 8);
  std::int64_t elements = 1;
  for (const std::int64_t extent : extents) {
    if (extent < 1 || extent > static_cast<std::int64_t>(kMostData)) return;
    elements *= extent;
    if (elements > static_cast<std::int64_t>(kMostData)) return;
  }
  const auto grid = io::ChunkGrid::make(Shape(extents), dtype_size(*dataset.dtype),
                                        numbers_of(layout.subspan(5, width * (rank - 1)), width));
  if (!grid || grid->count() != chunks.size()) return;
  std::uint32_t checksum = 0;
  for (std::size_t k = 0; k < chunks.size(); ++k) {
    if (!chunks[k].deflated && chunks[k].bytes != grid->chunk_bytes()) return;
    std::vector<std::byte> data(grid->data_bytes(k));
    const auto stored = std::span<const std::byte>(file).subspan(chunks[k].offset, chunks[k].bytes);
    if (io::decode_chunk(stored, chunks[k].deflated, grid->chunk_bytes(), grid->element_bytes(), data))
      return;
    checksum = io::crc32c(data, checksum);
  }
  store(dataset.checksum, 0, checksum, 4);
}

/// Makes the data's checksums fit the data.
void repair_data(Bytes file, std::span<const Chunk> chunks) {
  for (const Chunk& chunk : chunks) {
    const Dataset dataset = dataset_of(chunk);
    if (!dataset.chunked_layout.empty()) repair_chunks(file, dataset);
    if (dataset.layout.empty()) continue;
    if (dataset.checksum.empty() || dataset.address > file.size()) continue;
    if (dataset.size > file.size() - dataset.address) continue;
    store(dataset.checksum, 0, io::crc32c(file.subspan(dataset.address, dataset.size)), 4);
  }
}

void repair_digest(std::span<const Chunk> chunks) {
  Bytes digest;
  std::uint32_t version = 2;
  std::optional<std::int64_t> step;
  std::vector<CheckpointEntry> entries;
  for (const Chunk& chunk : chunks) {
    chunk.for_each_message([&](std::uint8_t type, Bytes body, std::size_t) {
      if (type != io::kAttributeMessage) return;
      if (const Bytes value = value_of(body, "digest"); value.size() == 4) digest = value;
      if (const Bytes value = value_of(body, "format_version"); value.size() == 4) {
        version = static_cast<std::uint32_t>(load(value, 0, 4));
      }
      if (const Bytes value = value_of(body, "global_step"); value.size() == 8) {
        step = static_cast<std::int64_t>(load(value, 0, 8));
      }
    });
    const Dataset dataset = dataset_of(chunk);
    if (dataset.name.empty() || dataset.checksum.empty() || !dataset.dtype) continue;
    std::vector<std::int64_t> dimensions;
    for (std::size_t at = 0; at < dataset.dimensions.size(); at += 8) {
      const std::uint64_t dimension = load(dataset.dimensions, at, 8);
      if (dimension > std::uint64_t{1} << 32) return;  // refused before anybody compares the digest
      dimensions.push_back(static_cast<std::int64_t>(dimension));
    }
    CheckpointEntry& entry = entries.emplace_back();
    entry.name = text_of(dataset.name);
    entry.dtype = *dataset.dtype;
    entry.shape = Shape(std::move(dimensions));
    entry.crc32c = static_cast<std::uint32_t>(load(dataset.checksum, 0, 4));
  }
  if (digest.empty()) return;
  std::sort(entries.begin(), entries.end(),
            [](const CheckpointEntry& a, const CheckpointEntry& b) { return a.name < b.name; });
  io::CheckpointDigest right(version, step, entries.size());
  for (const CheckpointEntry& entry : entries) right.add(entry);
  store(digest, 0, right.value(), 4);
}

void repair_metadata(Bytes file, std::span<const Chunk> chunks) noexcept {
  store(file, 44, io::hdf5_checksum(file.first(44)), 4);
  // Continuations lie in no header, so the order does not matter.
  for (const Chunk& chunk : chunks) {
    const std::size_t end = chunk.bytes.size() - 4;
    store(chunk.bytes, end, io::hdf5_checksum(chunk.bytes.first(end)), 4);
  }
}

constexpr std::array<std::uint64_t, 21> kInteresting = {
    0,          1,          2,          4,          8,          0x7F,       0x80,
    0xFF,       0x100,      0xFFFF,     0x10000,    0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
    1ull << 32, 1ull << 40, 1ull << 62, ~0ull >> 1, 1ull << 63, ~0ull - 7,  ~0ull};

std::uint64_t changed_value(std::uint64_t old, std::uint64_t file_size, Numbers& random) noexcept {
  switch (random.below(4)) {
    case 0:
      return old + 1 + random.below(8);
    case 1:
      return old - 1 - random.below(8);
    case 2:
      return file_size - random.below(64);
    default:
      return kInteresting[random.below(kInteresting.size())];
  }
}

/// Changes one field of one header: a width that fields have, at any place.
void change_field(std::uint64_t file_size, const Chunk& chunk, Numbers& random) noexcept {
  const std::size_t width = std::size_t{1} << random.below(4);
  if (chunk.bytes.size() <= width + 10) return;
  const std::size_t at = 4 + random.below(chunk.bytes.size() - width - 8);
  store(chunk.bytes, at, changed_value(load(chunk.bytes, at, width), file_size, random), width);
}

/// Puts some bytes of one header over those of another: links, types, attributes where others were.
void splice(const Chunk& from, const Chunk& to, Numbers& random) noexcept {
  const std::size_t size = 1 + random.below(64);
  if (from.bytes.size() <= size + 4 || to.bytes.size() <= size + 4) return;
  std::memmove(to.bytes.data() + random.below(to.bytes.size() - size - 4),
               from.bytes.data() + random.below(from.bytes.size() - size - 4), size);
}

/// Changes the type, the size, the flags or the version of one message, or makes it a gap.
void change_message(const Chunk& chunk, Numbers& random) noexcept {
  std::size_t count = 0;
  chunk.for_each_message([&](std::uint8_t, Bytes, std::size_t) { ++count; });
  if (count == 0) return;
  std::size_t skip = random.below(count);
  std::size_t found = 0;
  Bytes found_body;
  chunk.for_each_message([&](std::uint8_t, Bytes body, std::size_t at) {
    if (skip-- == 0) {
      found = at;
      found_body = body;
    }
  });
  switch (random.below(5)) {
    case 0:
      store(chunk.bytes, found, random.below(26), 1);
      break;
    case 1:
      store(chunk.bytes, found + 1, found_body.size() + random.below(9) - 4, 2);
      break;
    case 2:
      store(chunk.bytes, found + 3, random.below(256), 1);
      break;
    case 3:
      if (!found_body.empty()) store(found_body, 0, random.below(5), 1);
      break;
    default:
      store(chunk.bytes, found, 0, 1);
      std::fill(found_body.begin(), found_body.end(), std::byte{0});
      break;
  }
}

/// Gives a dataset another size, in its shape and in its layout, or another place, or both.
void change_data(Bytes file, const Chunk& chunk, Numbers& random) {
  const Dataset dataset = dataset_of(chunk);
  if (dataset.layout.empty() || !dataset.dtype) return;
  const std::uint64_t file_size = file.size();
  // Bytes that then belong to nothing must be zero.
  if (dataset.address <= file_size && dataset.size <= file_size - dataset.address && random.one_in(2)) {
    const Bytes data = file.subspan(dataset.address, dataset.size);
    std::fill(data.begin(), data.end(), std::byte{0});
  }
  std::uint64_t bytes = dataset.size;
  if (!dataset.dimensions.empty() && random.one_in(2)) {
    bytes = dtype_size(*dataset.dtype);
    for (std::size_t at = 0; at < dataset.dimensions.size(); at += 8) {
      const std::uint64_t dimension =
          random.one_in(4) ? changed_value(1, file_size, random) : random.below(64);
      store(dataset.dimensions, at, dimension, 8);
      bytes *= dimension;
    }
    store(dataset.layout, 10, bytes, 8);
  }
  if (random.one_in(2)) return;
  const std::uint64_t address = random.one_in(2)   ? random.below(file_size + 256) / 64 * 64
                                : random.one_in(2) ? (file_size - bytes) / 64 * 64 + 64 * random.below(3)
                                                   : changed_value(dataset.address, file_size, random);
  store(dataset.layout, 2, address, 8);
}

/// Moves the end of a header's messages to a continuation at the end of the file. Returns the file's size.
std::size_t add_continuation(Bytes room, std::size_t size, const Chunk& chunk, Numbers& random) {
  constexpr std::size_t kMessage = io::kMessagePrefixBytes + 16;
  std::vector<std::size_t> starts;
  chunk.for_each_message([&](std::uint8_t, Bytes, std::size_t at) { starts.push_back(at); });
  if (starts.empty()) return size;
  const std::size_t begin = starts[random.below(starts.size())];
  const std::size_t moved = chunk.bytes.size() - 4 - begin;
  if (moved < kMessage || size + moved + 8 > room.size()) return size;
  std::memcpy(room.data() + size, "OCHK", 4);
  std::memcpy(room.data() + size + 4, chunk.bytes.data() + begin, moved);
  std::fill_n(chunk.bytes.data() + begin, moved, std::byte{0});
  store(chunk.bytes, begin, io::kContinuationMessage, 1);
  store(chunk.bytes, begin + 1, 16, 2);
  store(chunk.bytes, begin + 4, size, 8);
  store(chunk.bytes, begin + 12, moved + 8, 8);
  return size + moved + 8;
}

}  // namespace

std::size_t mutate_checkpoint(std::span<std::byte> room, std::size_t size, std::uint32_t seed,
                              ByteMutation mutate_bytes) {
  Numbers random(seed);
  thread_local std::vector<Chunk> chunks;  // so that it needs memory once
  find_chunks(room.first(size), chunks);
  if (chunks.empty() || random.one_in(8)) {
    size = mutate_bytes(reinterpret_cast<std::uint8_t*>(room.data()), size, room.size());
  } else {
    const auto any_chunk = [&]() -> const Chunk& { return chunks[random.below(chunks.size())]; };
    for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) {
      switch (random.below(8)) {
        case 0:
          splice(any_chunk(), any_chunk(), random);
          break;
        case 1:
        case 2:
          change_message(any_chunk(), random);
          break;
        case 3:
          change_data(room.first(size), any_chunk(), random);
          break;
        case 4:
          if (random.one_in(4)) {
            size = add_continuation(room, size, any_chunk(), random);
            break;
          }
          [[fallthrough]];
        default:
          change_field(size, any_chunk(), random);
          break;
      }
    }
  }
  if (size < io::kSuperblockBytes || random.one_in(32)) return size;
  const Bytes file = room.first(size);
  find_chunks(file, chunks);
  // What an input says of its end, the fuzzer's file has zeros for: large data in few bytes.
  if (!random.one_in(256) && load(file, 28, 8) < 2 * size) store(file, 28, size, 8);
  if (random.one_in(4)) repair_data(file, chunks);
  if (!random.one_in(8)) repair_digest(chunks);
  repair_metadata(file, chunks);
  return size;
}

}  // namespace varscope::testing
