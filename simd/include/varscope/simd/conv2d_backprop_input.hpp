// SPDX-License-Identifier: Apache-2.0
// The gradient of a convolution with regard to its input (TensorFlow's Conv2DBackpropInput):
//
//   input_backprop(n, i, j, c) = sum over k and all r, s, y, x with y * stride_height + r * dilation_height -
//       pad_top = i and x * stride_width + s * dilation_width - pad_left = j of
//       out_backprop(n, y, x, k) * filter(r, s, c, k)
//
// At stride 1 that is itself a convolution: of out_backprop with the filter turned by 180 degrees, its input
// and output channels exchanged. At larger strides the image falls apart into phases, the pixels (i, j) of
// equal remainders by the strides: only every so many taps of the filter meet a phase, and with those it is
// again a convolution at stride 1. So it runs on the plans of conv2d.hpp, one for each phase.
#pragma once

#include <varscope/simd/conv2d.hpp>

#include <cstdint>

namespace varscope::simd {

// Which taps of the filter meet a phase, along one side.
struct Conv2DPhaseTaps {
  std::int64_t first = 0;  // tap 0 of the phase's own filter is the last of these: turned by 180 degrees
  std::int64_t step = 1;
  std::int64_t count = 0;  // 0: none, and the gradient is zero there. Those beyond the filter count as zeros
};

struct Conv2DBackpropInputPhase {
  std::int64_t first_row = 0;  // its pixels are those of rows first_row, first_row + stride_height, ...
  std::int64_t first_column = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Conv2DPhaseTaps row_taps;
  Conv2DPhaseTaps column_taps;
  // The convolution of out_backprop with the phase's filter [row taps, column taps, out_channels / groups,
  // in_channels] that gives the phase's pixels as one image; meaningful if there are taps.
  Conv2DShape shape;

  bool zero() const noexcept { return row_taps.count == 0 || column_taps.count == 0; }
};

// The phase of the pixels (first_row, first_column) of the input of the convolution `forward`. Phases are
// those with 0 <= first_row < min(stride_height, in_height), and so the columns.
Conv2DBackpropInputPhase conv2d_backprop_input_phase(const Conv2DShape& forward, std::int64_t first_row,
                                                     std::int64_t first_column) noexcept;

// The phase's filter from the convolution's.
template <typename T>
void turn_filter(const Conv2DShape& forward, const Conv2DBackpropInputPhase& phase, const T* filter,
                 T* turned) noexcept {
  constexpr std::int64_t kBlock = 16;  // by so many channels each way, for whole lines of the caches
  const std::int64_t group_in = forward.in_channels / forward.groups;
  const std::int64_t group_out = forward.out_channels / forward.groups;
  const auto smaller = [](std::int64_t a, std::int64_t b) { return b < a ? b : a; };
  for (std::int64_t i = phase.row_taps.count; i-- > 0;) {
    const std::int64_t r = phase.row_taps.first + i * phase.row_taps.step;
    for (std::int64_t j = phase.column_taps.count; j-- > 0; turned += group_out * forward.in_channels) {
      const std::int64_t s = phase.column_taps.first + j * phase.column_taps.step;
      if (r >= forward.filter_height || s >= forward.filter_width) {
        for (std::int64_t at = 0; at < group_out * forward.in_channels; ++at) turned[at] = T(0);
        continue;
      }
      const T* tap = filter + (r * forward.filter_width + s) * group_in * forward.out_channels;
      for (std::int64_t first_k = 0; first_k < forward.out_channels; first_k += kBlock) {
        const std::int64_t last_k = smaller(first_k + kBlock, forward.out_channels);
        for (std::int64_t first_c = 0; first_c < group_in; first_c += kBlock) {
          const std::int64_t last_c = smaller(first_c + kBlock, group_in);
          for (std::int64_t k = first_k; k < last_k; ++k) {
            T* dst = turned + k % group_out * forward.in_channels + k / group_out * group_in;
            for (std::int64_t c = first_c; c < last_c; ++c) dst[c] = tap[c * forward.out_channels + k];
          }
        }
      }
    }
  }
}

}  // namespace varscope::simd
