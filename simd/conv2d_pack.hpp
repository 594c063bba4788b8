// SPDX-License-Identifier: Apache-2.0
// Packing of filters into the order in which the tiles read them. Needs no instruction set: it is bound by
// memory.
#pragma once

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {

// HWIO to [group][block][chunk][filter_height][filter_width][channel of the chunk][output channel of the
// block], the output channels of the last block filled up to whole registers with zeros. A tile is one block
// of one group.
void pack_blocked_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                         std::int64_t tile) noexcept;

// A 1x1 filter, as the matrix B of a product. A tile is one block.
void pack_pointwise_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                           std::int64_t tile) noexcept;

// A filter of depthwise convolution or of groups of as many inputs as outputs, to [register of output
// channels] [filter_height][input of the group][filter_width][channel of the register]. Registers are whole:
// the last one overlaps the one before, or ends in zeros where it is the only one. In one tile.
void pack_strips_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                        std::int64_t tile) noexcept;

// The filter as it is, in one tile.
void copy_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                 std::int64_t tile) noexcept;

}  // namespace varscope::simd
