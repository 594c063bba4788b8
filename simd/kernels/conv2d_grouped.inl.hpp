// SPDX-License-Identifier: Apache-2.0
// Convolution in groups of 4, 8 or 16 channels that are a register or a part of it: vectors run along the
// channels, as in depthwise convolution, by whose strips they go. The sum of an output element runs over
// filter rows, then the channels of its group, then columns.
#pragma once

#include "depthwise_strips.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

template <typename Arch, int kGroup, int kStride>
void run_grouped_strips(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                        const DepthwiseTile& tile) noexcept {
  switch (plan.depthwise.pixels_per_strip) {
    case 14:
      if constexpr (kManyRegisters<Arch> && kStride == 1) {
        return DepthwiseStrips<Arch, kGroupedFilterColumns, kStride, 14, 1, kGroup>(plan, arguments)
            .run(tile);
      }
      return;
    case 7:
      return DepthwiseStrips<Arch, kGroupedFilterColumns, kStride, 7, 1, kGroup>(plan, arguments).run(tile);
    case 4:
      return DepthwiseStrips<Arch, kGroupedFilterColumns, kStride, 4, 1, kGroup>(plan, arguments).run(tile);
    default:
      return DepthwiseStrips<Arch, kGroupedFilterColumns, kStride, 1, 1, kGroup>(plan, arguments).run(tile);
  }
}

template <typename Arch, int kGroup>
void run_grouped_strips(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                        const DepthwiseTile& tile) noexcept {
  if (plan.shape.stride_width == 1) {
    run_grouped_strips<Arch, kGroup, 1>(plan, arguments, tile);
  } else {
    run_grouped_strips<Arch, kGroup, 2>(plan, arguments, tile);
  }
}

template <typename Arch>
void conv2d_grouped_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                         std::int64_t index) noexcept {
  const DepthwiseTile tile = locate_depthwise_tile(plan, index);
  const std::int64_t group = plan.shape.in_channels / plan.shape.groups;
  if (group == 4) run_grouped_strips<Arch, 4>(plan, arguments, tile);
  if constexpr (kLanes<Arch> >= 8) {
    if (group == 8) run_grouped_strips<Arch, 8>(plan, arguments, tile);
  }
  if constexpr (kLanes<Arch> >= 16) {
    if (group == 16) run_grouped_strips<Arch, 16>(plan, arguments, tile);
  }
}

}  // namespace
}  // namespace varscope::simd
