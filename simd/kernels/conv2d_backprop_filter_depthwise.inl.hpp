// SPDX-License-Identifier: Apache-2.0
// The filter's gradient of depthwise convolutions, where an output channel has one input channel of its own:
// vectors run along the channels. A tile is a chunk of the batch's output rows. For each tap of the filter
// the products of some pixels of a row are added up in registers; pixels outside of the image are left out.
#pragma once

#include "conv2d_direct.inl.hpp"

#include <varscope/simd/conv2d_backprop_filter.hpp>

namespace varscope::simd {
namespace {

// Registers of channels that are summed side by side, so that no sum waits for the one before.
constexpr int kDepthwiseVectors = 4;

// Floats of out_backprop that all taps of a filter pass over together.
constexpr std::int64_t kDepthwiseFloats = 2048;

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
VARSCOPE_SIMD_INLINE void add_depthwise_channels(DepthwiseRow row, std::int64_t channels,
                                                 float* sums) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  std::int64_t c = 0;
  for (; c + kDepthwiseVectors * lanes <= channels; c += kDepthwiseVectors * lanes) {
    add_depthwise_row<Arch, kDepthwiseVectors>(row, sums + c);
    row.input += kDepthwiseVectors * lanes;
    row.out_backprop += kDepthwiseVectors * lanes;
  }
  const std::int64_t vectors = (channels - c) / lanes;
  if (vectors == 3) add_depthwise_row<Arch, 3>(row, sums + c);
  if (vectors == 2) add_depthwise_row<Arch, 2>(row, sums + c);
  if (vectors == 1) add_depthwise_row<Arch, 1>(row, sums + c);
  c += vectors * lanes;
  row.input += vectors * lanes;
  row.out_backprop += vectors * lanes;
  for (std::int64_t i = 0; c + i < channels; ++i) {
    for (std::int64_t x = 0; x < row.pixels; ++x)
      sums[c + i] += row.input[x * row.input_step + i] * row.out_backprop[x * row.out_backprop_step + i];
  }
}

template <typename Arch>
void conv2d_backprop_filter_depthwise_tile(const Conv2DBackpropFilterPlan& plan,
                                           const Conv2DBackpropFilterArguments& arguments,
                                           std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const Conv2DBackpropFilterBlocking& blocking = plan.blocking;
  const std::int64_t channels = shape.in_channels;
  const std::int64_t taps = shape.filter_height * shape.filter_width;
  float* const sums = arguments.sums + tile * taps * channels;
  for (std::int64_t i = 0; i < taps * channels; ++i) sums[i] = 0.0f;
  const std::int64_t first_row = tile * blocking.passes_per_chunk;
  const std::int64_t last_row =
      smaller(first_row + blocking.passes_per_chunk, shape.batch * shape.out_height);
  // So many pixels of all channels stay in the first-level cache while all taps pass over them.
  const std::int64_t pixels = larger<std::int64_t>(kDepthwiseFloats / channels, 8);
  for (std::int64_t out_row = first_row; out_row < last_row; ++out_row) {
    const std::int64_t top = out_row % shape.out_height * shape.stride_height - shape.pad_top;
    const Range rows = positions_inside(top, shape.in_height, shape.filter_height, shape.dilation_height);
    const float* image =
        arguments.input + out_row / shape.out_height * shape.in_height * shape.in_width * channels;
    for (std::int64_t first = 0; first < shape.out_width; first += pixels) {
      for (std::int64_t s = 0; s < shape.filter_width; ++s) {
        const std::int64_t left = s * shape.dilation_width - shape.pad_left;
        const Range inside = positions_inside(left, shape.in_width, shape.out_width, shape.stride_width);
        const std::int64_t x = larger(first, inside.first);
        const std::int64_t last = smaller(first + pixels, inside.last);
        if (x >= last) continue;
        for (std::int64_t r = rows.first; r < rows.last; ++r) {
          const std::int64_t y = top + r * shape.dilation_height;
          const DepthwiseRow row = {
              .input = image + (y * shape.in_width + left + x * shape.stride_width) * channels,
              .out_backprop = arguments.out_backprop + (out_row * shape.out_width + x) * channels,
              .input_step = shape.stride_width * channels,
              .out_backprop_step = channels,
              .pixels = last - x};
          add_depthwise_channels<Arch>(row, channels, sums + (r * shape.filter_width + s) * channels);
        }
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
