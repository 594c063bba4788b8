// SPDX-License-Identifier: Apache-2.0
// The digest of a checkpoint: one number over everything in it, names, types, shapes, step and data. Each
// object of a file has its own checksum, so a file put together of parts of two whole ones, as a device that
// loses writes leaves it, could pass all of them; it does not have its digest.
#pragma once

#include <varscope/checkpoint.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace varscope::io {

/// CRC32C over the listing that docs/checkpoint_format.md describes; the data is in it by its checksums.
/// Thread-safe.
class CheckpointDigest {
 public:
  CheckpointDigest(std::uint32_t format_version, std::optional<std::int64_t> global_step,
                   std::uint64_t variable_count);

  /// Call it for each variable, in the order of their names. Offsets do not count.
  void add(const CheckpointEntry& entry);

  std::uint32_t value() const noexcept { return crc32c_; }

 private:
  std::uint32_t crc32c_ = 0;
  std::vector<std::byte> record_;
};

/// The checksum of data of `bytes` bytes whose blocks have these. Requires: block_count(bytes) of them.
std::uint32_t checksum_of_blocks(std::span<const std::uint32_t> blocks, std::uint64_t bytes) noexcept;

}  // namespace varscope::io
