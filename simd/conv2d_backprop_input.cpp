// SPDX-License-Identifier: Apache-2.0
#include "tiling.hpp"

#include <varscope/simd/conv2d_backprop_input.hpp>

#include <algorithm>
#include <numeric>

namespace varscope::simd {

namespace {

// A convolution along one side, and a phase of it.
struct Side {
  std::int64_t in;
  std::int64_t filter;
  std::int64_t stride;
  std::int64_t dilation;
  std::int64_t pad;
};

struct PhaseSide {
  std::int64_t pixels;
  Conv2DPhaseTaps taps;
  std::int64_t dilation;
  std::int64_t pad;
};

// Pixel i meets tap r of output y where y * stride = i + pad - r * dilation. So those taps meet the phase for
// which the right side is a multiple of the stride: every (stride / gcd)th, if any, and from one of them to
// the next y falls by dilation / gcd.
PhaseSide phase_of(const Side& side, std::int64_t first) noexcept {
  const std::int64_t common = std::gcd(side.stride, side.dilation);
  PhaseSide phase = {.pixels = ceil_divide(side.in - first, side.stride),
                     .taps = {.first = 0, .step = side.stride / common, .count = 0},
                     .dilation = side.dilation / common,
                     .pad = 0};
  const std::int64_t end = std::min(phase.taps.step, side.filter);
  while (phase.taps.first < end && (first + side.pad - phase.taps.first * side.dilation) % side.stride != 0)
    ++phase.taps.first;
  if (phase.taps.first == end) return phase;
  phase.taps.count = (side.filter - 1 - phase.taps.first) / phase.taps.step + 1;
  // The output that the first pixel and the first tap meet in. A convolution cannot begin after the start of
  // its image, but with taps of zeros.
  const std::int64_t start = (first + side.pad - phase.taps.first * side.dilation) / side.stride;
  phase.taps.count = std::max(phase.taps.count, ceil_divide(start, phase.dilation) + 1);
  phase.pad = (phase.taps.count - 1) * phase.dilation - start;
  return phase;
}

}  // namespace

Conv2DBackpropInputPhase conv2d_backprop_input_phase(const Conv2DShape& forward, std::int64_t first_row,
                                                     std::int64_t first_column) noexcept {
  const PhaseSide rows = phase_of({.in = forward.in_height,
                                   .filter = forward.filter_height,
                                   .stride = forward.stride_height,
                                   .dilation = forward.dilation_height,
                                   .pad = forward.pad_top},
                                  first_row);
  const PhaseSide columns = phase_of({.in = forward.in_width,
                                      .filter = forward.filter_width,
                                      .stride = forward.stride_width,
                                      .dilation = forward.dilation_width,
                                      .pad = forward.pad_left},
                                     first_column);
  return {.first_row = first_row,
          .first_column = first_column,
          .rows = rows.pixels,
          .columns = columns.pixels,
          .row_taps = rows.taps,
          .column_taps = columns.taps,
          .shape = {.batch = forward.batch,
                    .in_height = forward.out_height,
                    .in_width = forward.out_width,
                    .in_channels = forward.out_channels,
                    .out_height = rows.pixels,
                    .out_width = columns.pixels,
                    .out_channels = forward.in_channels,
                    .filter_height = rows.taps.count,
                    .filter_width = columns.taps.count,
                    .stride_height = 1,
                    .stride_width = 1,
                    .dilation_height = rows.dilation,
                    .dilation_width = columns.dilation,
                    .pad_top = rows.pad,
                    .pad_left = columns.pad,
                    .groups = forward.groups}};
}

}  // namespace varscope::simd
