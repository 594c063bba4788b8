// SPDX-License-Identifier: Apache-2.0
// The fixed facts of the checkpoint format, versions 2 and 3; docs/checkpoint_format.md is its description.
#pragma once

#include <cstddef>
#include <cstdint>

namespace varscope::io {

/// What is written: kFormatVersion, or kChunkedFormatVersion if some data is compressed. Version 1 had
/// neither checksums of blocks nor a digest; it is still read.
inline constexpr std::uint32_t kFormatVersion = 2;
inline constexpr std::uint32_t kChunkedFormatVersion = 3;
inline constexpr std::uint32_t kOldestFormatVersion = 1;
inline constexpr std::uint32_t kNewestFormatVersion = kChunkedFormatVersion;

// Attributes of the root group.
inline constexpr char kFormatAttribute[] = "format";
inline constexpr char kFormatName[] = "varscope";
inline constexpr char kFormatVersionAttribute[] = "format_version";
inline constexpr char kGlobalStepAttribute[] = "global_step";  // only if the save was given one
inline constexpr char kDigestAttribute[] = "digest";

// Attributes of every dataset.
inline constexpr char kNameAttribute[] = "name";
inline constexpr char kChecksumAttribute[] = "crc32c";
inline constexpr char kBlockChecksumsAttribute[] = "crc32c_blocks";  // only of more than one block
inline constexpr char kChunkChecksumsAttribute[] = "crc32c_chunks";  // instead, of compressed data

/// Data of so many bytes or more begins at a multiple of kLargeAlignment, so that it can be mapped and be
/// written past the page cache; smaller data begins at a multiple of kSmallAlignment, a cache line.
inline constexpr std::uint64_t kLargeAlignment = 4096;
inline constexpr std::uint64_t kSmallAlignment = 64;

constexpr std::uint64_t data_alignment(std::uint64_t bytes) noexcept {
  return bytes >= kLargeAlignment ? kLargeAlignment : kSmallAlignment;
}

/// Data is checksummed in blocks of so many bytes (the last one may be shorter): 1 MiB, or the smallest power
/// of two of which kMaxBlocks suffice. So damage is found to a block, and threads check and write apart.
inline constexpr std::uint64_t kSmallestBlock = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kMaxBlocks = 8192;  // their checksums fit into one HDF5 message, 64 KiB

constexpr std::uint64_t block_bytes(std::uint64_t data_bytes) noexcept {
  std::uint64_t block = kSmallestBlock;
  while ((data_bytes - 1) / block >= kMaxBlocks && data_bytes > 0) block *= 2;
  return block;
}

constexpr std::uint64_t block_count(std::uint64_t data_bytes) noexcept {
  return data_bytes == 0 ? 0 : (data_bytes - 1) / block_bytes(data_bytes) + 1;
}

/// Data of so many bytes or more is compressed, if any is: less is not worth the index.
inline constexpr std::uint64_t kSmallestChunked = 4096;

/// Compressed data is cut into chunks of about so many bytes, so that several threads can work on it; of
/// more, doubled until kMaxChunks suffice.
inline constexpr std::uint64_t kUsualChunkBytes = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kMaxChunks = 1024;                        // an index of more has pages
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{1} << 30;  // HDF5 takes less than 4 GiB

/// Deflate makes at most so many bytes of one: two bits for the longest match of 258.
inline constexpr std::uint64_t kMaxInflation = 1032;

/// The most members of one HDF5 group with compact links: the largest phase change limit that HDF5 stores.
inline constexpr std::size_t kMaxGroupMembers = 65535;

inline constexpr int kMaxRank = 32;  // HDF5's own limit

}  // namespace varscope::io
