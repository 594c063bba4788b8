// SPDX-License-Identifier: Apache-2.0
// product_nanoseconds(): what convolutions and matrix products cost one core, to decide whether a wave of
// them is worth several threads.
#pragma once

#include <algorithm>
#include <cstdint>

namespace varscope::detail {

/// So many multiply-adds with registers of so many floats, and so many floats that are read or written. A
/// core does about two multiply-adds of a register in each of its two or three cycles a nanosecond, and moves
/// some 64 bytes from and to its third-level cache, which is what depthwise layers and products of a few rows
/// wait for.
inline double product_nanoseconds(double multiply_adds, std::int64_t vector_floats, double floats) noexcept {
  constexpr double kBytesANanosecond = 64;
  return std::max(multiply_adds / (4 * static_cast<double>(vector_floats)),
                  floats * sizeof(float) / kBytesANanosecond);
}

}  // namespace varscope::detail
