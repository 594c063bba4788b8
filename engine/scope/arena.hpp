// SPDX-License-Identifier: Apache-2.0
// Arena: memory that is given out by many threads at once and taken back all together.
#pragma once

#include "core/fresh_memory.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>

namespace varscope::detail {

/// Limits: nothing is freed before the arena is; what lies in it must not need a destructor; a block that is
/// too full for a request is left behind with its rest unused. In exchange: memory never moves, and
/// allocate() is lock-free but for operator new, which it calls once for a block.
///
/// Each block has twice the bytes of the one before, until it fills a huge page: looking up one of many
/// entries would else wait for the address of its page.
///
/// Invariants:
///   1. `newest_` is the head of the list of all blocks; `previous` never changes once a block is in it.
///   2. Bytes [0, capacity) of a block are given out at most once each: by the fetch_add that returned their
///      offset, or to the thread that made the block.
template <template <typename> class Atom = std::atomic>
class Arena {
 public:
  explicit Arena(std::size_t block_bytes = std::size_t{16} << 10U) : block_bytes_(block_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  ~Arena() {
    Block* block = newest_.load(std::memory_order_relaxed);  // relaxed: no other thread is left
    while (block != nullptr) {
      Block* const previous = block->previous;
      destroy(block);
      block = previous;
    }
  }

  /// Memory aligned for any scalar. Throws std::bad_alloc. Thread-safe.
  void* allocate(std::size_t bytes) {
    const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    for (;;) {
      // acquire: the block's header was written by the thread that linked it (release below).
      Block* const block = newest_.load(std::memory_order_acquire);
      if (block != nullptr) {
        // relaxed: only the uniqueness of the offsets matters; the memory itself is nobody else's.
        const std::size_t offset = block->used.fetch_add(rounded, std::memory_order_relaxed);
        if (offset + rounded <= block->capacity) return block->bytes() + offset;
      }
      Block* const fresh = make_block(block, rounded);
      Block* expected = block;
      // release: publishes the header. relaxed on failure: the loop loads again.
      if (newest_.compare_exchange_strong(expected, fresh, std::memory_order_release,
                                          std::memory_order_relaxed)) {
        return fresh->bytes();
      }
      destroy(fresh);
    }
  }

 private:
  static constexpr std::size_t kAlignment = alignof(std::max_align_t);

  struct alignas(kAlignment) Block {
    Block* previous;
    std::size_t capacity;
    Atom<std::size_t> used;
    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  };

  /// A block whose first `used` bytes are given out already.
  Block* make_block(Block* previous, std::size_t used) const {
    std::size_t bytes = block_bytes_;
    if (previous != nullptr) bytes = std::max(bytes, 2 * (sizeof(Block) + previous->capacity));
    bytes = std::max(std::min(bytes, simd::kHugePageBytes), sizeof(Block) + used);
    return new (allocate_memory(bytes)) Block{previous, bytes - sizeof(Block), {used}};
  }

  static void destroy(Block* block) noexcept {
    const std::size_t bytes = sizeof(Block) + block->capacity;
    block->~Block();
    free_memory(block, bytes);
  }

  const std::size_t block_bytes_;
  Atom<Block*> newest_{nullptr};
};

}  // namespace varscope::detail
