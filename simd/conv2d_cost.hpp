// SPDX-License-Identifier: Apache-2.0
// What a planned convolution costs: how the automatic choice compares algorithms.
#pragma once

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

// Cycles of one core for all tiles of the plan, roughly. A pure function.
double conv2d_cycles(const KernelSet& kernels, const CacheSizes& caches, const Conv2DPlan& plan) noexcept;

}  // namespace varscope::simd
