// SPDX-License-Identifier: Apache-2.0
// Huge pages. Fresh memory costs a fault for each page, and every page in use an entry of the processor's
// cache of addresses; on pages of 2 MiB instead of 4 KiB both are 512 times fewer.
#pragma once

#include <cstddef>

namespace varscope::simd {

/// The larger pages of x86-64, and of aarch64 with pages of 4 KiB.
inline constexpr std::size_t kHugePageBytes = std::size_t{1} << 21;

/// Asks the system to lay fresh memory on huge pages: whole ones only, so that no more memory is used than
/// asked for. A wish that may be refused; where there is no such call, nothing happens. Requires: `memory` is
/// aligned to kHugePageBytes. Thread-safe.
void wish_for_huge_pages(void* memory, std::size_t bytes) noexcept;

}  // namespace varscope::simd
