// SPDX-License-Identifier: Apache-2.0
// Scratch memory of one tile of a simd plan.
#pragma once

#include "runtime/thread_scratch.hpp"

#include <cstddef>
#include <cstdint>

namespace varscope::detail {

/// Calls run(scratch) with `floats` floats for this tile. Gives what Kernel::run_tile() gives: null, or that
/// there is no memory.
template <typename Run>
const char* with_tile_workspace(std::int64_t floats, const Run& run) noexcept {
  float* scratch = nullptr;
  if (floats > 0) {
    scratch = static_cast<float*>(thread_scratch(static_cast<std::size_t>(floats) * sizeof(float)));
    if (scratch == nullptr) return "a thread has no memory for the kernel's scratch";
  }
  run(scratch);
  return nullptr;
}

}  // namespace varscope::detail
