// SPDX-License-Identifier: Apache-2.0
// Memory plan: where in one arena each intermediate buffer lies, so that buffers that do not live at the same
// time share memory.
#pragma once

#include <cstddef>
#include <span>

namespace varscope::detail {

/// A buffer that is written in wave `first` and read for the last time in wave `last`.
struct MemoryBlock {
  std::size_t bytes = 0;
  int first = 0;
  int last = 0;
  std::size_t offset = 0;  // set by plan_memory, a multiple of Array::alignment
};

/// Sets every block's offset, and gives the bytes that the arena needs. Two blocks whose lives overlap never
/// overlap in memory. Greedy by size: the largest first, each at the lowest offset that is free for its whole
/// life (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
std::size_t plan_memory(std::span<MemoryBlock> blocks);

}  // namespace varscope::detail
