// SPDX-License-Identifier: Apache-2.0
// Chains of multiply-adds: as many at once as the register tile has sums, which is more than the processor
// can have under way.
#pragma once

#include "register_tile.inl.hpp"

#include <varscope/simd/peak.hpp>

namespace varscope::simd {
namespace {

template <typename Arch>
constexpr int kChains = kTilePixels<Arch>* kTileVectors;

template <typename Arch>
void multiply_adds(std::int64_t turns, float* result) noexcept {
  Floats<Arch> sums[kChains<Arch>];
  // Different values, or the compiler would see that one chain is enough; *result keeps it from knowing them.
  unroll<kChains<Arch>>([&](auto i) VARSCOPE_SIMD_LAMBDA { sums[i] = broadcast<Arch>(*result + i); });
  const Floats<Arch> factor = broadcast<Arch>(*result * 0.5f);
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    unroll<kChains<Arch>>(
        [&](auto i) VARSCOPE_SIMD_LAMBDA { sums[i] = multiply_add<Arch>(sums[i], factor, factor); });
  }
  Floats<Arch> all = broadcast<Arch>(0.0f);
  unroll<kChains<Arch>>([&](auto i) VARSCOPE_SIMD_LAMBDA { all = all + sums[i]; });
  float lanes[kLanes<Arch>];
  store<Arch>(lanes, all);
  *result = lanes[0];
}

template <typename Arch>
constexpr PeakKernels peak_kernels() noexcept {
  return {.multiply_adds = &multiply_adds<Arch>, .operations_per_turn = 2 * kChains<Arch> * kLanes<Arch>};
}

}  // namespace
}  // namespace varscope::simd
