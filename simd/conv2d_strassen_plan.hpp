// SPDX-License-Identifier: Apache-2.0
// Plans of convolutions by Strassen's algorithm.
#pragma once

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

// Why the algorithm cannot compute the shape; null when it can.
const char* refusal_of_strassen(const KernelSet& kernels, const Conv2DShape& shape) noexcept;

// Fills in the plan for plan->shape, which is not refused.
void plan_strassen(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept;

}  // namespace varscope::simd
