// SPDX-License-Identifier: Apache-2.0
// The last row of the kernel table, and the parts of it that plans of every set fall back to.
#pragma once

#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

extern const KernelSet reference_kernels;

// One output row a tile; the packed filter is the filter as it is, packed in one tile.
void plan_reference_conv2d(Conv2DPlan* plan) noexcept;
// One row of the filter a tile; no sums.
void plan_reference_conv2d_backprop_filter(Conv2DBackpropFilterPlan* plan) noexcept;
// A few rows a tile; packed B is B as it is, packed in one tile.
void plan_reference_matmul(MatMulPlan* plan) noexcept;

}  // namespace varscope::simd
