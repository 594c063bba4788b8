// SPDX-License-Identifier: Apache-2.0
// The checksum of HDF5's metadata: Bob Jenkins' lookup3 hash ("hashlittle", initial value 0), as the HDF5
// File Format Specification, version 3.0, prescribes for superblocks and version 2 object headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace varscope::io {

/// Thread-safe.
std::uint32_t hdf5_checksum(std::span<const std::byte> bytes) noexcept;

}  // namespace varscope::io
