// SPDX-License-Identifier: Apache-2.0
// How depthwise convolution is cut into strips, blocks of channels and tiles.
#pragma once

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

// Requires: as many groups as input channels.
void plan_depthwise(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept;

}  // namespace varscope::simd
