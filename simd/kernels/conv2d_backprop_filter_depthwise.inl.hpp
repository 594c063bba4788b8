// SPDX-License-Identifier: Apache-2.0
// The filter's gradient of depthwise convolutions, where an output channel has one input channel of its own:
// vectors run along the channels. A tile is a chunk of the batch's output rows. For each row and each tap of
// the filter the products of a row of pixels are added up in registers; columns outside of the image are left
// out.
#pragma once

#include "conv2d_direct.inl.hpp"

#include <varscope/simd/conv2d_backprop_filter.hpp>

namespace varscope::simd {
namespace {

// Registers of channels that are summed side by side, so that no sum waits for the one before.
constexpr int kDepthwiseVectors = 4;

// One row of pixels and one tap.
struct DepthwiseRow {
  const float* input;  // the first pixel and channel
  const float* out_backprop;
  std::int64_t input_step;  // from one pixel to the next
  std::int64_t out_backprop_step;
  std::int64_t pixels;
};

template <typename Arch, int kVectors>
VARSCOPE_SIMD_INLINE void add_depthwise_row(const DepthwiseRow& row, float* sums) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  Floats<Arch> totals[kVectors];
  unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { totals[v] = load<Arch>(sums + v * lanes); });
  const float* input = row.input;
  const float* out_backprop = row.out_backprop;
  for (std::int64_t x = 0; x < row.pixels; ++x) {
    unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA {
      totals[v] =
          multiply_add<Arch>(load<Arch>(input + v * lanes), load<Arch>(out_backprop + v * lanes), totals[v]);
    });
    input += row.input_step;
    out_backprop += row.out_backprop_step;
  }
  unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { store<Arch>(sums + v * lanes, totals[v]); });
}

template <typename Arch>
void conv2d_backprop_filter_depthwise_tile(const Conv2DBackpropFilterPlan& plan,
                                           const Conv2DBackpropFilterArguments& arguments,
                                           std::int64_t tile) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const Conv2DShape& shape = plan.shape;
  const Conv2DBackpropFilterBlocking& blocking = plan.blocking;
  const std::int64_t channels = shape.in_channels;
  const std::int64_t taps = shape.filter_height * shape.filter_width;
  float* const sums = arguments.sums + tile * taps * channels;
  for (std::int64_t i = 0; i < taps * channels; ++i) sums[i] = 0.0f;
  const std::int64_t first_row = tile * blocking.passes_per_chunk;
  const std::int64_t last_row =
      smaller(first_row + blocking.passes_per_chunk, shape.batch * shape.out_height);
  for (std::int64_t out_row = first_row; out_row < last_row; ++out_row) {
    const std::int64_t top = out_row % shape.out_height * shape.stride_height - shape.pad_top;
    const float* image =
        arguments.input + out_row / shape.out_height * shape.in_height * shape.in_width * channels;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t y = top + tap / shape.filter_width * shape.dilation_height;
      if (y < 0 || y >= shape.in_height) continue;
      const std::int64_t left = tap % shape.filter_width * shape.dilation_width - shape.pad_left;
      const Range inside = positions_inside(left, shape.in_width, shape.out_width, shape.stride_width);
      DepthwiseRow row = {
          .input = image + (y * shape.in_width + left + inside.first * shape.stride_width) * channels,
          .out_backprop = arguments.out_backprop + (out_row * shape.out_width + inside.first) * channels,
          .input_step = shape.stride_width * channels,
          .out_backprop_step = channels,
          .pixels = inside.last - inside.first};
      if (row.pixels == 0) continue;
      float* const of_tap = sums + tap * channels;
      std::int64_t c = 0;
      for (; c + kDepthwiseVectors * lanes <= channels; c += kDepthwiseVectors * lanes) {
        add_depthwise_row<Arch, kDepthwiseVectors>(row, of_tap + c);
        row.input += kDepthwiseVectors * lanes;
        row.out_backprop += kDepthwiseVectors * lanes;
      }
      for (; c + lanes <= channels; c += lanes) {
        add_depthwise_row<Arch, 1>(row, of_tap + c);
        row.input += lanes;
        row.out_backprop += lanes;
      }
      for (std::int64_t i = 0; c + i < channels; ++i) {
        for (std::int64_t x = 0; x < row.pixels; ++x)
          of_tap[c + i] +=
              row.input[x * row.input_step + i] * row.out_backprop[x * row.out_backprop_step + i];
      }
    }
  }
}

// Some of the sums of all chunks, in their order.
template <typename Arch>
void conv2d_backprop_filter_depthwise_sum_tile(const Conv2DBackpropFilterPlan& plan,
                                               const Conv2DBackpropFilterArguments& arguments,
                                               std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const std::int64_t taps = shape.filter_height * shape.filter_width;
  const std::int64_t step = taps * shape.in_channels;
  const std::int64_t first = tile * plan.blocking.rows_per_sum_tile * shape.in_channels;
  const std::int64_t last = smaller(first + plan.blocking.rows_per_sum_tile * shape.in_channels, step);
  float* const dst = arguments.filter_backprop;
  for (std::int64_t i = first; i < last; ++i) dst[i] = arguments.sums[i];
  for (std::int64_t chunk = 1; chunk < plan.blocking.chunks; ++chunk) {
    const float* sums = arguments.sums + chunk * step;
    for (std::int64_t i = first; i < last; ++i) dst[i] += sums[i];
  }
}

}  // namespace
}  // namespace varscope::simd
