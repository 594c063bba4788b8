// SPDX-License-Identifier: Apache-2.0
// Checkpoints in memory for tests that damage or forge them.
#pragma once

#include "checkpoint_digest.hpp"
#include "checkpoint_writer.hpp"
#include "hdf5_checksum.hpp"
#include "hdf5_format.hpp"
#include "read_all.hpp"
#include "support/messages.hpp"
#include "support/random.hpp"
#include "temporary_directory.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace varscope::testing {

inline std::string checkpoint_bytes(const NamedArrays& variables, WriteCheckpointOptions options = {}) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "a.h5", variables, options);
  return read_file(directory / "a.h5");
}

// Compressed, in chunks so small that every byte can be tried.
inline std::string compressed_bytes(const NamedArrays& variables,
                                    io::ChunkSizes sizes = {.smallest_data = 16, .usual_chunk = 64}) {
  const TemporaryDirectory directory;
  io::write_checkpoint(io::posix_file_system(), directory / "a.h5", variables,
                       {.global_step = 3, .compression_level = 6}, nullptr, sizes);
  return read_file(directory / "a.h5");
}

inline NamedArrays sorted(NamedArrays variables) {
  std::sort(variables.begin(), variables.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return variables;
}

inline std::string error_of(const std::string& content) {
  try {
    read_all(content);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// Where the checksummed parts of a checkpoint are: superblock, chunks of object headers, indexes of chunks.
inline std::vector<io::ByteRange> checksummed_ranges(const std::string& content) {
  std::vector<io::ByteRange> ranges = {{0, io::kSuperblockBytes}};
  const MemoryFile file(content);
  for (std::size_t at = content.find("OHDR"); at != content.npos; at = content.find("OHDR", at + 1)) {
    io::ExtentMap extents(content.size());
    io::ObjectHeader header;
    io::read_object_header(file, at, extents, {"memory.h5", [](std::size_t) { return "a header"; }}, header);
    for (const io::HeaderChunk& chunk : header.chunks) ranges.push_back(chunk.range);
  }
  for (std::size_t at = content.find("FAHD"); at != content.npos; at = content.find("FAHD", at + 1)) {
    const auto element_bytes = static_cast<unsigned char>(content[at + 6]);
    const auto count = static_cast<unsigned char>(content[at + 8]);  // of tests, less than 256
    ranges.push_back({at, 28});
    ranges.push_back({at + 28, std::uint64_t{18} + count * element_bytes});
  }
  return ranges;
}

// What somebody writes who wants a change to go unnoticed.
inline void repair_checksum(std::string& content, io::ByteRange range) {
  const auto bytes = std::as_bytes(std::span(content)).subspan(range.offset, range.size - 4);
  const std::uint32_t checksum = io::hdf5_checksum(bytes);
  for (std::size_t k = 0; k < 4; ++k) {
    content[range.offset + range.size - 4 + k] = static_cast<char>(checksum >> (8 * k));
  }
}

// Replaces `before` by `after` in the one header that has it, with the checksum made right.
inline std::string forged(std::string content, const std::string& before, const std::string& after) {
  BOOST_REQUIRE(before.size() == after.size());
  const std::size_t at = content.find(before);
  BOOST_REQUIRE(at != content.npos);
  const std::vector<io::ByteRange> ranges = checksummed_ranges(content);
  content.replace(at, before.size(), after);
  for (const io::ByteRange range : ranges) {
    if (at >= range.offset && at < range.offset + range.size) repair_checksum(content, range);
  }
  return content;
}

// How forged checkpoints were taken: each is refused with a message, or has the values that it had.
struct Forgeries {
  std::size_t refused = 0;
  std::size_t harmless = 0;

  // `at` is where the first change is. An error of another type than Refusal comes out of here.
  template <typename Refusal>
  void count(const std::string& bad, const NamedArrays& variables, std::uint64_t at) {
    try {
      BOOST_TEST_REQUIRE(same_bits(read_all(bad), variables),
                         "byte " << at << " set to " << static_cast<int>(bad[at]));
      ++harmless;
    } catch (const Refusal& error) {
      BOOST_TEST_REQUIRE(contains(error.what(), "memory.h5"));
      ++refused;
    }
  }
};

// Every byte of every checksummed part, one at a time, with the checksum made right again.
inline Forgeries forge_every_byte(const std::string& good, const NamedArrays& variables, Random& random) {
  Forgeries forgeries;
  for (const io::ByteRange range : checksummed_ranges(good)) {
    for (std::uint64_t at = range.offset; at < range.offset + range.size - 4; ++at) {
      for (const int value : {0, 1, 0x7F, 0xFF, good[at] + 1, good[at] - 1, random.integer(0, 255)}) {
        std::string bad = good;
        bad[at] = static_cast<char>(value);
        if (bad == good) continue;
        repair_checksum(bad, range);
        forgeries.count<Error>(bad, variables, at);
      }
    }
  }
  return forgeries;
}

inline std::uint32_t digest_of(std::uint32_t version, const std::vector<CheckpointEntry>& entries,
                               std::optional<std::int64_t> global_step = std::nullopt) {
  io::CheckpointDigest digest(version, global_step, entries.size());
  for (const CheckpointEntry& entry : entries) digest.add(entry);
  return digest.value();
}

inline std::string little_endian(std::uint64_t value, int size = 8) {
  std::string text;
  for (int k = 0; k < size; ++k) text += static_cast<char>(value >> (8 * k));
  return text;
}

}  // namespace varscope::testing
