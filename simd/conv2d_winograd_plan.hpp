// SPDX-License-Identifier: Apache-2.0
// Plans of Winograd convolutions.
#pragma once

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

// Outputs along one side of a patch of winograd_2x2, 4x4 or 6x6.
std::int64_t winograd_outputs(Conv2DAlgorithm algorithm) noexcept;

// Why the Winograd algorithm cannot compute the shape; null when it can.
const char* refusal_of_winograd(const KernelSet& kernels, const Conv2DShape& shape,
                                Conv2DAlgorithm algorithm) noexcept;

// Fills in the plan of plan->algorithm, one of Winograd's, for plan->shape, which is not refused.
void plan_winograd(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept;

// The same for winograd_1x4.
const char* refusal_of_winograd_row(const KernelSet& kernels, const Conv2DShape& shape) noexcept;
void plan_winograd_row(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept;

}  // namespace varscope::simd
