// SPDX-License-Identifier: Apache-2.0
#include <varscope/simd/cpu_pages.hpp>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace varscope::simd {

void wish_for_huge_pages(void* memory, std::size_t bytes) noexcept {
#if defined(__linux__)
  const std::size_t whole = bytes / kHugePageBytes * kHugePageBytes;
  if (whole > 0) static_cast<void>(::madvise(memory, whole, MADV_HUGEPAGE));
#else
  static_cast<void>(memory), static_cast<void>(bytes);
#endif
}

}  // namespace varscope::simd
