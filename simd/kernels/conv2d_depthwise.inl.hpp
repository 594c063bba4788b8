// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution: every input channel has its own filters, so vectors run along the output channels
// and a register tile is some neighbouring pixels of one register of channels. The sum of an output element
// runs over filter rows, then columns.
//
// The last register of channels overlaps the one before it where the channels are no multiple of its width:
// the channels in both get the same bits twice.
#pragma once

#include "conv2d_direct.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

constexpr int kDepthwisePixels = 6;

// One register of output channels, in one output row. kPlain: a whole register, and one output channel an
// input channel.
template <typename Arch, bool kPlain>
struct DepthwiseRow {
  const Conv2DShape& shape;
  const float* input;   // the first input row of the window, first channel of the image
  const float* filter;  // the filter row that belongs to it, first channel
  std::int64_t rows;
  std::int64_t first_channel;  // of the output
  std::int64_t channels;       // lanes, or fewer where the output has fewer in all
  std::int64_t multiplier;     // output channels an input channel

  VARSCOPE_SIMD_INLINE Floats<Arch> load_output_channels(const float* src) const noexcept {
    if (kPlain || channels == kLanes<Arch>) return load<Arch>(src + first_channel);
    return load_partial<Arch>(src + first_channel, channels, 0.0f);
  }

  VARSCOPE_SIMD_INLINE Floats<Arch> load_pixel(const float* pixel) const noexcept {
    if (kPlain) return load<Arch>(pixel + first_channel);
    float buffer[kLanes<Arch>];
    for (std::int64_t i = 0; i < kLanes<Arch>; ++i) {
      buffer[i] = i < channels ? pixel[(first_channel + i) / multiplier] : 0.0f;
    }
    return load<Arch>(buffer);
  }

  // Output pixels x .. x + kPixels - 1, which use the filter columns first_column .. last_column - 1.
  template <int kPixels>
  VARSCOPE_SIMD_INLINE void run(std::int64_t x, std::int64_t first_column, std::int64_t last_column,
                                const Conv2DEpilogue& epilogue, float* output,
                                std::int64_t out_row) const noexcept {
    Floats<Arch> sums[kPixels];
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA { sums[p] = broadcast<Arch>(0.0f); });
    const std::int64_t left = x * shape.stride_width - shape.pad_left;
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* row = input + r * shape.dilation_height * shape.in_width * shape.in_channels;
      for (std::int64_t s = first_column; s < last_column; ++s) {
        const float* pixel = row + (left + s * shape.dilation_width) * shape.in_channels;
        const Floats<Arch> weights =
            load_output_channels(filter + (r * shape.filter_width + s) * shape.out_channels);
        unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
          sums[p] = multiply_add<Arch>(load_pixel(pixel + p * shape.stride_width * shape.in_channels),
                                       weights, sums[p]);
        });
      }
    }
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      const std::int64_t index = (out_row + x + p) * shape.out_channels;
      if (epilogue.bias != nullptr) sums[p] = sums[p] + load_output_channels(epilogue.bias);
      if (epilogue.residual != nullptr) sums[p] = sums[p] + load_output_channels(epilogue.residual + index);
      if (epilogue.activation == Activation::relu) sums[p] = relu<Arch>(sums[p]);
      if (kPlain || channels == kLanes<Arch>) {
        store<Arch>(output + index + first_channel, sums[p]);
      } else {
        store_partial<Arch>(output + index + first_channel, sums[p], channels);
      }
    });
  }
};

// The output pixels whose windows lie inside of the image row: first .. last - 1.
VARSCOPE_SIMD_INLINE Range interior_pixels(const Conv2DShape& shape) noexcept {
  const std::int64_t reach = (shape.filter_width - 1) * shape.dilation_width;
  const std::int64_t first =
      smaller((shape.pad_left + shape.stride_width - 1) / shape.stride_width, shape.out_width);
  const std::int64_t room =
      shape.in_width - 1 - reach + shape.pad_left;  // x * stride_width may be this at most
  const std::int64_t last = room < 0 ? 0 : smaller(room / shape.stride_width + 1, shape.out_width);
  return {first, larger(first, last)};
}

// kPixels output pixels from x on, of all channels: neighbouring registers of channels share the cache lines'
// pages and the prefetcher's streams.
template <int kPixels, typename Arch, bool kPlain>
VARSCOPE_SIMD_INLINE void run_depthwise_pixels(DepthwiseRow<Arch, kPlain>& row, std::int64_t x,
                                               const Range& columns, const Conv2DArguments& arguments,
                                               std::int64_t out_row) noexcept {
  const std::int64_t out_channels = row.shape.out_channels;
  for (std::int64_t k = 0; k < out_channels; k += kLanes<Arch>) {
    row.first_channel = larger<std::int64_t>(smaller(k, out_channels - kLanes<Arch>), 0);
    row.template run<kPixels>(x, columns.first, columns.last, arguments.epilogue, arguments.output, out_row);
  }
}

template <typename Arch, bool kPlain>
VARSCOPE_SIMD_INLINE void run_depthwise_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                                             std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const std::int64_t image = tile / plan.blocking.row_tiles;
  const std::int64_t first_y = tile % plan.blocking.row_tiles * plan.blocking.rows_per_tile;
  const std::int64_t last_y = smaller(first_y + plan.blocking.rows_per_tile, shape.out_height);
  const std::int64_t row_floats = shape.in_width * shape.in_channels;
  const Range interior = interior_pixels(shape);
  const Range all_columns = {0, shape.filter_width};
  for (std::int64_t y = first_y; y < last_y; ++y) {
    const std::int64_t top = y * shape.stride_height - shape.pad_top;
    const Range rows = positions_inside(top, shape.in_height, shape.filter_height, shape.dilation_height);
    const std::int64_t in_y = rows.first < rows.last ? top + rows.first * shape.dilation_height : 0;
    const std::int64_t out_row = (image * shape.out_height + y) * shape.out_width;
    DepthwiseRow<Arch, kPlain> row = {
        .shape = shape,
        .input = arguments.input + (image * shape.in_height + in_y) * row_floats,
        .filter = arguments.packed_filter + rows.first * shape.filter_width * shape.out_channels,
        .rows = rows.last - rows.first,
        .first_channel = 0,
        .channels = smaller(kLanes<Arch>, shape.out_channels),
        .multiplier = shape.out_channels / shape.in_channels};
    std::int64_t x = 0;
    while (x < shape.out_width) {
      if (x >= interior.first && x + kDepthwisePixels <= interior.last) {
        run_depthwise_pixels<kDepthwisePixels>(row, x, all_columns, arguments, out_row);
        x += kDepthwisePixels;
      } else {
        const std::int64_t left = x * shape.stride_width - shape.pad_left;
        const Range columns =
            positions_inside(left, shape.in_width, shape.filter_width, shape.dilation_width);
        run_depthwise_pixels<1>(row, x, columns, arguments, out_row);
        ++x;
      }
    }
  }
}

template <typename Arch>
void conv2d_depthwise_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                           std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  if (shape.out_channels == shape.in_channels && shape.out_channels >= kLanes<Arch>) {
    run_depthwise_tile<Arch, true>(plan, arguments, tile);
  } else {
    run_depthwise_tile<Arch, false>(plan, arguments, tile);
  }
}

}  // namespace
}  // namespace varscope::simd
