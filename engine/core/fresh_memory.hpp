// SPDX-License-Identifier: Apache-2.0
// Memory for what is large and lives long: on huge pages where it fills them.
#pragma once

#include <varscope/simd/cpu_pages.hpp>

#include <cstddef>
#include <new>

namespace varscope::detail {

/// Of a cache line or vector; from the size of a huge page on, of such a page.
constexpr std::align_val_t alignment_of_memory(std::size_t bytes) noexcept {
  return std::align_val_t{bytes >= simd::kHugePageBytes ? simd::kHugePageBytes : 64};
}

/// Unset memory. Throws std::bad_alloc. Thread-safe, and as little lock-free as operator new.
inline void* allocate_memory(std::size_t bytes) {
  // The other operator new ends the program under a sanitizer where there is no memory.
  void* const memory = ::operator new(bytes, alignment_of_memory(bytes), std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  if (bytes >= simd::kHugePageBytes) simd::wish_for_huge_pages(memory, bytes);
  return memory;
}

/// Requires: `memory` is of allocate_memory(bytes).
inline void free_memory(void* memory, std::size_t bytes) noexcept {
  ::operator delete(memory, alignment_of_memory(bytes));
}

}  // namespace varscope::detail
