// SPDX-License-Identifier: Apache-2.0
// The fixed facts of the checkpoint format, version 1; docs/checkpoint_format.md is its description.
#pragma once

#include <cstddef>
#include <cstdint>

namespace varscope::io {

inline constexpr std::uint32_t kFormatVersion = 1;

// Attributes of the root group.
inline constexpr char kFormatAttribute[] = "format";
inline constexpr char kFormatName[] = "varscope";
inline constexpr char kFormatVersionAttribute[] = "format_version";
inline constexpr char kGlobalStepAttribute[] = "global_step";  // only if the save was given one

// Attributes of every dataset.
inline constexpr char kNameAttribute[] = "name";
inline constexpr char kChecksumAttribute[] = "crc32c";

/// Data of so many bytes or more begins at a multiple of kLargeAlignment, so that it can be mapped and be
/// written past the page cache; smaller data begins at a multiple of kSmallAlignment, a cache line.
inline constexpr std::uint64_t kLargeAlignment = 4096;
inline constexpr std::uint64_t kSmallAlignment = 64;

constexpr std::uint64_t data_alignment(std::uint64_t bytes) noexcept {
  return bytes >= kLargeAlignment ? kLargeAlignment : kSmallAlignment;
}

/// The most members of one HDF5 group with compact links: the largest phase change limit that HDF5 stores.
inline constexpr std::size_t kMaxGroupMembers = 65535;

inline constexpr int kMaxRank = 32;  // HDF5's own limit

}  // namespace varscope::io
