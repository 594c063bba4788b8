// SPDX-License-Identifier: Apache-2.0
// How depthwise convolution, and that of small groups, is cut into strips, blocks of channels and tiles.
#pragma once

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

// Requires: as many groups as input channels.
void plan_depthwise(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept;

// Why the shape cannot be computed by grouped strips; null when it can.
const char* refusal_of_grouped(const KernelSet& kernels, const Conv2DShape& shape) noexcept;

// Requires: not refused.
void plan_grouped(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept;

}  // namespace varscope::simd
