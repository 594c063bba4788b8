// SPDX-License-Identifier: Apache-2.0
// Facts about the processor that plans are made from.
#pragma once

#include <cstdint>

namespace varscope::simd {

// Bytes of cache that one core sees. Plans take these as an argument and read no global, so a plan is a pure
// function and a test can plan for another machine.
struct CacheSizes {
  std::int64_t level1_data = 32 * 1024;
  std::int64_t level2 = 512 * 1024;
  std::int64_t level3 = 8 * 1024 * 1024;  // shared by several cores
};

// The sizes of this machine, read from the operating system; a level it does not report keeps the default
// above. Thread-safe; asks the system each time, so keep the answer.
CacheSizes cache_sizes() noexcept;

}  // namespace varscope::simd
