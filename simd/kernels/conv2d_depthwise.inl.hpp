// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution: every input channel has its own filters, so vectors run along the output channels.
// The sum of an output element runs over filter rows, then columns. Filters of 3, 5 or 7 columns, one for
// each input channel, go by strips (depthwise_strips.inl.hpp); here is everything else: a register tile is
// some neighbouring pixels of one register of channels.
//
// The last register of channels overlaps the one before it where the channels are no multiple of its width:
// the channels in both get the same bits twice.
#pragma once

#include "conv2d_direct.inl.hpp"
#include "depthwise_strips.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

constexpr int kNeighbours = 6;  // pixels

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

// What the windows of some neighbouring output pixels read.
struct DepthwiseWindow {
  const Conv2DShape& shape;
  const float* input;   // first input row and column of the first pixel's window, first channel
  const float* filter;  // the filter row and column that belong to it, first register of channels
  std::int64_t rows;
  std::int64_t columns;
};

// Any window; kPlain: a whole register, and one output channel an input channel.
template <typename Arch, bool kPlain>
struct DepthwiseAnyWindow {
  template <int kPixels>
  static VARSCOPE_SIMD_INLINE void sum(const DepthwiseWindow& window, std::int64_t channel,
                                       const float* filter, Floats<Arch> (&sums)[kPixels]) noexcept {
    const Conv2DShape& shape = window.shape;
    const std::int64_t multiplier = shape.out_channels / shape.in_channels;
    const std::int64_t channels = smaller(kLanes<Arch>, shape.out_channels);
    const std::int64_t pixel_step = shape.stride_width * shape.in_channels;
    const auto load_pixel = [&](const float* pixel) VARSCOPE_SIMD_LAMBDA {
      if constexpr (kPlain) return load<Arch>(pixel + channel);
      float buffer[kLanes<Arch>];
      for (std::int64_t i = 0; i < kLanes<Arch>; ++i) {
        buffer[i] = i < channels ? pixel[(channel + i) / multiplier] : 0.0f;
      }
      return load<Arch>(buffer);
    };
    for (std::int64_t r = 0; r < window.rows; ++r) {
      const float* row = window.input + r * shape.dilation_height * shape.in_width * shape.in_channels;
      const float* const weights_row = filter + r * shape.filter_width * kLanes<Arch>;
      for (std::int64_t s = 0; s < window.columns; ++s) {
        const float* pixel = row + s * shape.dilation_width * shape.in_channels;
        const Floats<Arch> weights = load<Arch>(weights_row + s * kLanes<Arch>);
        unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
          sums[p] = multiply_add<Arch>(load_pixel(pixel + p * pixel_step), weights, sums[p]);
        });
      }
    }
  }
};

// kPixels output pixels from `output_pixel` on, of all channels: neighbouring registers of channels share the
// pages and the prefetcher's streams.
// kWhole: there are whole registers of channels.
template <int kPixels, bool kWhole, typename Arch, typename Window>
VARSCOPE_SIMD_INLINE void run_depthwise_pixels(const DepthwiseWindow& window,
                                               const Conv2DArguments& arguments,
                                               std::int64_t output_pixel) noexcept {
  const std::int64_t out_channels = window.shape.out_channels;
  const std::int64_t count = smaller(kLanes<Arch>, out_channels);
  const Conv2DEpilogue epilogue = arguments.epilogue;  // copies: the stores cannot change them
  float* const output = arguments.output;
  // There are few operations for each number read, so all of its way from memory counts: what the next pixels
  // read that these did not, and what they write.
  constexpr std::int64_t kPixelsAhead = 2 * kNeighbours;
  const float* const last_row = window.input + larger<std::int64_t>(window.rows - 1, 0) *
                                                   window.shape.dilation_height * window.shape.in_width *
                                                   window.shape.in_channels;
  const auto read = [count](const float* src) VARSCOPE_SIMD_LAMBDA {
    if constexpr (kWhole) return load<Arch>(src);
    return load_partial<Arch>(src, count, 0.0f);
  };
  for (std::int64_t k = 0; k < out_channels; k += kLanes<Arch>) {
    const std::int64_t channel = larger<std::int64_t>(smaller(k, out_channels - kLanes<Arch>), 0);
    Floats<Arch> sums[kPixels];
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      const std::int64_t ahead = kPixelsAhead + p;
      __builtin_prefetch(output + (output_pixel + ahead) * out_channels + channel, 1);
      __builtin_prefetch(last_row + ahead * window.shape.stride_width * window.shape.in_channels + channel);
      sums[p] = broadcast<Arch>(0.0f);
    });
    const std::int64_t positions = window.shape.filter_height * window.shape.filter_width;
    Window::template sum<kPixels>(window, channel, window.filter + k * positions, sums);
    const std::int64_t index = output_pixel * out_channels + channel;
    if (epilogue.bias != nullptr) {
      const Floats<Arch> bias = read(epilogue.bias + channel);
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA { sums[p] = sums[p] + bias; });
    }
    if (epilogue.residual != nullptr) {
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
        sums[p] = sums[p] + read(epilogue.residual + index + p * out_channels);
      });
    }
    if (epilogue.activation == Activation::relu) {
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA { sums[p] = relu<Arch>(sums[p]); });
    }
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      if constexpr (kWhole) {
        store<Arch>(output + index + p * out_channels, sums[p]);
      } else {
        store_partial<Arch>(output + index + p * out_channels, sums[p], count);
      }
    });
    activate<Arch>(
        epilogue.activation,
        {.first = output + index, .pixels = kPixels, .pixel_step = out_channels, .channels = count});
  }
}

// Pixels whose windows lie inside of the image's columns several at a time, the others one by one.
template <bool kWhole, typename Arch, typename Window>
void run_depthwise_rows(const Conv2DPlan& plan, const Conv2DArguments& arguments, std::int64_t image,
                        Range tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const Range interior = interior_pixels(shape);
  for (std::int64_t y = tile.first; y < tile.last; ++y) {
    const std::int64_t top = y * shape.stride_height - shape.pad_top;
    const Range rows = positions_inside(top, shape.in_height, shape.filter_height, shape.dilation_height);
    const std::int64_t in_y = rows.first < rows.last ? top + rows.first * shape.dilation_height : 0;
    const float* input =
        arguments.input + (image * shape.in_height + in_y) * shape.in_width * shape.in_channels;
    const float* filter = arguments.packed_filter + rows.first * shape.filter_width * kLanes<Arch>;
    const std::int64_t out_row = (image * shape.out_height + y) * shape.out_width;
    const auto window = [&](std::int64_t x, const Range& columns) VARSCOPE_SIMD_LAMBDA {
      const std::int64_t column = columns.first < columns.last ? x * shape.stride_width - shape.pad_left +
                                                                     columns.first * shape.dilation_width
                                                               : 0;
      return DepthwiseWindow{.shape = shape,
                             .input = input + column * shape.in_channels,
                             .filter = filter + columns.first * kLanes<Arch>,
                             .rows = rows.last - rows.first,
                             .columns = columns.last - columns.first};
    };
    std::int64_t x = 0;
    while (x < shape.out_width) {
      // The last pixels of the interior together with some that are done already: the same bits again.
      const std::int64_t start = smaller(x, interior.last - kNeighbours);
      if (x >= interior.first && x < interior.last && start >= interior.first) {
        run_depthwise_pixels<kNeighbours, kWhole, Arch, Window>(window(start, {0, shape.filter_width}),
                                                                arguments, out_row + start);
        x = start + kNeighbours;
      } else {
        const Range columns = positions_inside(x * shape.stride_width - shape.pad_left, shape.in_width,
                                               shape.filter_width, shape.dilation_width);
        run_depthwise_pixels<1, kWhole, Arch, Window>(window(x, columns), arguments, out_row + x);
        ++x;
      }
    }
  }
}

// Strips of a filter of so many columns.
template <typename Arch, int kFilter>
void run_depthwise_strips(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                          const DepthwiseTile& tile) noexcept {
  if (plan.shape.stride_width == 1) {
    run_depthwise_strips<Arch, kFilter, 1>(plan, arguments, tile);
  } else {
    run_depthwise_strips<Arch, kFilter, 2>(plan, arguments, tile);
  }
}

template <typename Arch>
void conv2d_depthwise_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                           std::int64_t index) noexcept {
  const Conv2DShape& shape = plan.shape;
  const DepthwiseTile tile = locate_depthwise_tile(plan, index);
  if (plan.depthwise.pixels_per_strip > 0) {
    if (shape.filter_width == 3) {
      run_depthwise_strips<Arch, 3>(plan, arguments, tile);
    } else if (shape.filter_width == 5) {
      run_depthwise_strips<Arch, 5>(plan, arguments, tile);
    } else {
      run_depthwise_strips<Arch, 7>(plan, arguments, tile);
    }
  } else if (shape.out_channels < kLanes<Arch>) {
    run_depthwise_rows<false, Arch, DepthwiseAnyWindow<Arch, false>>(plan, arguments, tile.image, tile.rows);
  } else if (shape.out_channels != shape.in_channels) {
    run_depthwise_rows<true, Arch, DepthwiseAnyWindow<Arch, false>>(plan, arguments, tile.image, tile.rows);
  } else {
    run_depthwise_rows<true, Arch, DepthwiseAnyWindow<Arch, true>>(plan, arguments, tile.image, tile.rows);
  }
}

}  // namespace
}  // namespace varscope::simd
