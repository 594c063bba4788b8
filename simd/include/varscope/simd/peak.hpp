// SPDX-License-Identifier: Apache-2.0
// What an instruction set can do at most: the yardstick of the other kernels.
#pragma once

#include <cstdint>

namespace varscope::simd {

// Null in a set that has the reference alone.
struct PeakKernels {
  // Multiply-adds of registers that wait for nothing but each other, `turns` times over; one float of what
  // came out goes to *result, so that nothing is left out.
  void (*multiply_adds)(std::int64_t turns, float* result) noexcept = nullptr;
  std::int64_t operations_per_turn = 0;  // a multiply-add of one element counts as two
};

}  // namespace varscope::simd
