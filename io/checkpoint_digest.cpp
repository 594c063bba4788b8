// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_digest.hpp"

#include "checkpoint_format.hpp"
#include "crc32c.hpp"
#include "hdf5_types.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace varscope::io {

namespace {

void append(std::vector<std::byte>& record, std::uint64_t value, std::size_t size) {
  static_assert(std::endian::native == std::endian::little);
  record.resize(record.size() + size);
  std::memcpy(record.data() + record.size() - size, &value, size);
}

std::uint64_t type_code(DType dtype) {
  const auto is_dtype = [dtype](const auto& type) { return type.second == dtype; };
  return static_cast<std::uint64_t>(std::find_if(kElementTypes.begin(), kElementTypes.end(), is_dtype) -
                                    kElementTypes.begin());
}

}  // namespace

CheckpointDigest::CheckpointDigest(std::uint32_t format_version, std::optional<std::int64_t> global_step,
                                   std::uint64_t variable_count) {
  append(record_, format_version, 4);
  append(record_, global_step.has_value() ? 1 : 0, 1);
  append(record_, static_cast<std::uint64_t>(global_step.value_or(0)), 8);
  append(record_, variable_count, 8);
  crc32c_ = crc32c(record_);
}

void CheckpointDigest::add(const CheckpointEntry& entry) {
  record_.clear();
  append(record_, entry.name.size(), 8);
  const auto* name = reinterpret_cast<const std::byte*>(entry.name.data());
  record_.insert(record_.end(), name, name + entry.name.size());
  append(record_, type_code(entry.dtype), 1);
  append(record_, static_cast<std::uint64_t>(entry.shape.rank()), 1);
  for (const std::int64_t dimension : entry.shape.dimensions()) {
    append(record_, static_cast<std::uint64_t>(dimension), 8);
  }
  append(record_, entry.crc32c, 4);
  crc32c_ = crc32c(record_, crc32c_);
}

std::uint32_t checksum_of_blocks(std::span<const std::uint32_t> blocks, std::uint64_t bytes) noexcept {
  const std::uint64_t block = block_bytes(bytes);
  std::uint32_t checksum = 0;
  for (const std::uint32_t next : blocks) {
    const std::uint64_t size = std::min(block, bytes);
    checksum = crc32c_combine(checksum, next, size);
    bytes -= size;
  }
  return checksum;
}

}  // namespace varscope::io
