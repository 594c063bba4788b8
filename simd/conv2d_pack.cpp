// SPDX-License-Identifier: Apache-2.0
#include "conv2d_pack.hpp"

#include "matmul_plan.hpp"

#include <algorithm>

namespace varscope::simd {

void pack_blocked_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                         std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const Conv2DBlocking& blocking = plan.blocking;
  const std::int64_t group = tile / blocking.blocks_per_group;
  const std::int64_t block = tile % blocking.blocks_per_group;
  const std::int64_t group_in = shape.in_channels / shape.groups;
  const std::int64_t group_out = shape.out_channels / shape.groups;
  const std::int64_t positions = shape.filter_height * shape.filter_width;
  const std::int64_t first_out = block * blocking.channels_per_block;
  const std::int64_t width =
      std::min(blocking.channels_per_block, blocking.padded_group_channels - first_out);
  const std::int64_t filled = std::min(width, group_out - first_out);
  float* dst = packed_filter + positions * group_in * (group * blocking.padded_group_channels + first_out);
  const float* first = filter + group * group_out + first_out;
  for (std::int64_t chunk = 0; chunk < group_in; chunk += blocking.channels_per_chunk) {
    const std::int64_t last = std::min(chunk + blocking.channels_per_chunk, group_in);
    for (std::int64_t position = 0; position < positions; ++position) {
      for (std::int64_t c = chunk; c < last; ++c, dst += width) {
        std::copy_n(first + (position * group_in + c) * shape.out_channels, filled, dst);
        std::fill_n(dst + filled, width - filled, 0.0f);
      }
    }
  }
}

void pack_pointwise_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                           std::int64_t tile) noexcept {
  const MatrixSteps steps = {.depth_step = plan.shape.out_channels, .column_step = 1};
  pack_product_block(plan.product, plan.shape.in_channels, plan.shape.out_channels, steps, filter,
                     packed_filter, tile);
}

void pack_strips_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                        std::int64_t) noexcept {
  const Conv2DShape& shape = plan.shape;
  const std::int64_t inputs = shape.in_channels / shape.groups;
  const std::int64_t terms = shape.filter_height * shape.filter_width * inputs;
  const std::int64_t registers = plan.depthwise.registers;
  const std::int64_t lanes = plan.packed_filter_floats / (registers * terms);
  const std::int64_t filled = std::min(lanes, shape.out_channels);
  float* dst = packed_filter;
  for (std::int64_t index = 0; index < registers; ++index) {
    const float* const first = filter + std::min(index * lanes, shape.out_channels - filled);
    for (std::int64_t r = 0; r < shape.filter_height; ++r) {
      for (std::int64_t c = 0; c < inputs; ++c) {
        for (std::int64_t s = 0; s < shape.filter_width; ++s, dst += lanes) {
          std::copy_n(first + ((r * shape.filter_width + s) * inputs + c) * shape.out_channels, filled, dst);
          std::fill_n(dst + filled, lanes - filled, 0.0f);
        }
      }
    }
  }
}

void copy_filter(const Conv2DPlan& plan, const float* filter, float* packed_filter, std::int64_t) noexcept {
  std::copy_n(filter, plan.packed_filter_floats, packed_filter);
}

}  // namespace varscope::simd
