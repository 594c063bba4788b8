// SPDX-License-Identifier: Apache-2.0
#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {

namespace {

// The outputs of a patch, or of a register tile of them, lie in the workspace until they are pooled.
std::int64_t floats_before_pooling(const Conv2DPlan& plan) noexcept {
  const Conv2DShape& shape = plan.shape;
  if (plan.algorithm == Conv2DAlgorithm::winograd_1x4) {
    return plan.winograd_row.rows_per_register_tile * plan.winograd_row.outputs_per_patch *
           plan.blocking.channels_per_block;
  }
  const WinogradBlocking& winograd = plan.winograd;
  const bool squares = winograd.patch_height > 1 && winograd.patch_height == winograd.patch_width;
  if (!squares || shape.dilation_height != 1 || shape.dilation_width != 1) return 0;
  return winograd.patch_height * winograd.patch_width * winograd.channels_per_group;
}

}  // namespace

bool fuse_max_pool(Conv2DPlan* plan) noexcept {
  const std::int64_t floats = floats_before_pooling(*plan);
  if (floats == 0 || plan->shape.out_height % 2 != 0 || plan->shape.out_width % 2 != 0) return false;
  plan->max_pooled = true;
  plan->workspace_floats += floats;
  // What is asked for would be outputs.
  plan->winograd.fetch_output = false;
  plan->winograd_row.fetch_output = false;
  return true;
}

}  // namespace varscope::simd
