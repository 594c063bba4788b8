// SPDX-License-Identifier: Apache-2.0
// Memory for what a tile needs while it runs. Each thread keeps one block, as large as the largest that it
// was asked for, until it ends: one tile after the other finds it in the thread's caches, and memory is
// needed by the number of threads, not of tiles.
#pragma once

#include <cstddef>

namespace varscope::detail {

/// At least `bytes` bytes, aligned to Array::alignment, contents unset; the thread's own until its next call.
/// Null if there is no memory. Any thread; a call that finds the block large enough costs a few nanoseconds.
void* thread_scratch(std::size_t bytes) noexcept;

}  // namespace varscope::detail
