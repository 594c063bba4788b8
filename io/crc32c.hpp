// SPDX-License-Identifier: Apache-2.0
// CRC32C (Castagnoli), the checksum of each variable's data in a checkpoint: reflected polynomial 0x82F63B78,
// initial value and final XOR 0xFFFFFFFF, as in RFC 3720 (iSCSI) and the CRC32 instruction of SSE4.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace varscope::io {

/// The checksum of what `previous` is the checksum of, followed by `bytes`; start with 0. Thread-safe.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

/// The checksum of some bytes with the checksum `first`, followed by `second_bytes` bytes with the checksum
/// `second`: how parts that several threads worked on become one. Thread-safe.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) noexcept;

/// crc32c() by tables only, for processors without the instruction, and for the test that compares both.
std::uint32_t crc32c_by_tables(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

}  // namespace varscope::io
