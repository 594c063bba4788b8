// SPDX-License-Identifier: Apache-2.0
// Scratch memory of one tile of a simd plan.
#pragma once

#include "runtime/kernel.hpp"

#include <cstddef>
#include <cstdint>

namespace varscope::detail {

/// Scratch up to this size lies on the stack of the thread, where one tile after the other finds it in the
/// cache; more is a part of the kernel's workspace for each tile.
inline constexpr std::int64_t kStackWorkspaceFloats = 8 * 1024;

/// What Kernel::workspace_bytes() must give for so many tiles that need `floats` each.
constexpr std::size_t tile_workspace_bytes(std::int64_t floats, std::int64_t tiles) noexcept {
  return floats <= kStackWorkspaceFloats ? 0 : static_cast<std::size_t>(floats * tiles) * sizeof(float);
}

/// Calls run(scratch) with `floats` floats for that tile.
template <typename Run>
void with_tile_workspace(std::int64_t floats, std::int64_t tile, const KernelArguments& arguments,
                         const Run& run) noexcept {
  if (floats > kStackWorkspaceFloats) {
    run(static_cast<float*>(arguments.workspace) + tile * floats);
  } else {
    alignas(64) float scratch[kStackWorkspaceFloats];
    run(static_cast<float*>(scratch));
  }
}

}  // namespace varscope::detail
