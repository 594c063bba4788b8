// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_plan.hpp"

#include <varscope/array.hpp>

#include <algorithm>
#include <vector>

namespace varscope::detail {

std::size_t plan_memory(std::span<MemoryBlock> blocks) {
  const auto align = [](std::size_t bytes) {
    return (bytes + Array::alignment - 1) / Array::alignment * Array::alignment;
  };
  std::vector<MemoryBlock*> by_size;
  for (MemoryBlock& block : blocks) by_size.push_back(&block);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const MemoryBlock* a, const MemoryBlock* b) { return a->bytes > b->bytes; });

  std::size_t total = 0;
  std::vector<const MemoryBlock*> placed;  // in the order of their offsets
  for (MemoryBlock* block : by_size) {
    std::size_t offset = 0;
    for (const MemoryBlock* other : placed) {
      if (other->last < block->first || other->first > block->last) continue;
      if (offset + align(block->bytes) <= other->offset) break;  // fits into the gap before it
      offset = std::max(offset, other->offset + align(other->bytes));
    }
    block->offset = offset;
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), block,
                         [](const MemoryBlock* a, const MemoryBlock* b) { return a->offset < b->offset; }),
        block);
    total = std::max(total, offset + align(block->bytes));
  }
  return total;
}

}  // namespace varscope::detail
