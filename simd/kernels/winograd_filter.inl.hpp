// SPDX-License-Identifier: Apache-2.0
// Packing of filters for Winograd convolutions: G filter G^T, in double precision, rounded once. While a
// model is trained that happens for each step. The compiler makes of the inner loops what the instruction set
// offers.
#pragma once

#include "../winograd_points.hpp"
#include "vector.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

// Output channels that are transformed side by side.
constexpr int kFilterLanes = 16;

template <int kCount>
struct FilterLines {
  double values[kCount][kFilterLanes];
};

// G src of stride 1 for one line of taps, two or more.
template <int kAlpha, int kTaps>
VARSCOPE_SIMD_INLINE void pack_filter_line(const FilterLines<kTaps>& src, FilterLines<kAlpha>& dst) noexcept {
  static constexpr WinogradFilterMatrix matrix = winograd_filter_matrix<kAlpha>(kTaps);
  for (int k = 0; k < kFilterLanes; ++k) {
    dst.values[0][k] = src.values[0][k] * matrix.rows[0][0];
    dst.values[kAlpha - 1][k] = src.values[kTaps - 1][k];
    if constexpr (kHasPointAlone<kAlpha>) {
      unroll<kAlpha - 2>([&](auto row) VARSCOPE_SIMD_LAMBDA {
        constexpr int kRow = decltype(row)::value + 1;
        double sum = src.values[0][k] * matrix.rows[kRow][0];
        unroll<kTaps - 1>([&](auto i) VARSCOPE_SIMD_LAMBDA {
          constexpr int kTap = decltype(i)::value + 1;
          sum += src.values[kTap][k] * matrix.rows[kRow][kTap];
        });
        dst.values[kRow][k] = sum;
      });
      continue;
    }
    // +p and -p share the sums of even and odd taps.
    unroll<WinogradPoints<kAlpha>::pairs>([&](auto pair) VARSCOPE_SIMD_LAMBDA {
      constexpr int kRow = 1 + 2 * decltype(pair)::value;
      double even = src.values[0][k] * matrix.rows[kRow][0];
      double odd = src.values[1][k] * matrix.rows[kRow][1];
      unroll<kTaps - 2>([&](auto i) VARSCOPE_SIMD_LAMBDA {
        constexpr int kTap = decltype(i)::value + 2;
        (kTap % 2 == 0 ? even : odd) += src.values[kTap][k] * matrix.rows[kRow][kTap];
      });
      dst.values[kRow][k] = even + odd;
      dst.values[kRow + 1][k] = even - odd;
    });
  }
}

// G src for one line of taps.
template <typename Line>
VARSCOPE_SIMD_INLINE void pack_filter_taps(const FilterLines<Line::kTaps>& src,
                                           FilterLines<Line::kAlpha>& dst) noexcept {
  unroll<Line::kStride>([&](auto phase) VARSCOPE_SIMD_LAMBDA {
    constexpr int kPhase = decltype(phase)::value;
    constexpr int kTaps = Line::taps_of(kPhase);
    constexpr int kCount = Line::alpha_of(kPhase);
    FilterLines<kTaps> taps;
    for (int tap = 0; tap < kTaps; ++tap) {
      for (int k = 0; k < kFilterLanes; ++k)
        taps.values[tap][k] = src.values[kPhase + tap * Line::kStride][k];
    }
    FilterLines<kCount> products;
    if constexpr (kTaps > 1) {
      pack_filter_line<kCount, kTaps>(taps, products);
    } else {
      for (int i = 0; i < kCount; ++i) {
        for (int k = 0; k < kFilterLanes; ++k) products.values[i][k] = taps.values[0][k];
      }
    }
    for (int i = 0; i < kCount; ++i) {
      for (int k = 0; k < kFilterLanes; ++k)
        dst.values[Line::first_product(kPhase) + i][k] = products.values[i][k];
    }
  });
}

// The first `filled` output channels of a tap, and zeros.
VARSCOPE_SIMD_INLINE void load_filter_lanes(const float* src, std::int64_t filled,
                                            double (&dst)[kFilterLanes]) noexcept {
  if (filled == kFilterLanes) {
    for (int k = 0; k < kFilterLanes; ++k) dst[k] = static_cast<double>(src[k]);
  } else {
    for (int k = 0; k < kFilterLanes; ++k) dst[k] = k < filled ? static_cast<double>(src[k]) : 0.0;
  }
}

VARSCOPE_SIMD_INLINE void store_filter_lanes(const double (&src)[kFilterLanes], std::int64_t lanes,
                                             float* dst) noexcept {
  if (lanes == kFilterLanes) {
    for (int k = 0; k < kFilterLanes; ++k) dst[k] = static_cast<float>(src[k]);
  } else {
    for (std::int64_t k = 0; k < lanes; ++k) dst[k] = static_cast<float>(src[k]);
  }
}

// Zeros for those of neighbouring output channels, from `first` on, whose group does not have the input.
VARSCOPE_SIMD_INLINE void clear_other_groups(std::int64_t first, std::int64_t channels_per_group,
                                             std::int64_t group, double (&lanes)[kFilterLanes]) noexcept {
  for (int k = 0; k < kFilterLanes; ++k) {
    if ((first + k) / channels_per_group != group) lanes[k] = 0.0;
  }
}

// Block `tile` of the output channels: [product][segment][input channel of the part][channel of the block],
// the channels of the last block filled up with zeros to whole registers, the taps of the last segments too.
template <typename Down, typename Along>
void pack_winograd_filter_tile(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                               std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const WinogradBlocking& winograd = plan.winograd;
  const std::int64_t inputs = winograd.inputs_per_part;
  const std::int64_t terms = winograd.terms_per_part;
  const std::int64_t inputs_per_group = shape.in_channels / shape.groups;
  const std::int64_t outputs_per_group = shape.out_channels / shape.groups;
  const std::int64_t block = plan.blocking.channels_per_block;
  const std::int64_t first = tile * block;
  const std::int64_t first_input = shape.groups == 1 ? 0 : first / winograd.channels_per_part * inputs;
  const std::int64_t width = smaller(block, plan.blocking.padded_group_channels - first);
  float* const dst = packed_filter + first * winograd.products * terms;
  for (std::int64_t term = 0; term < terms; ++term) {
    const std::int64_t segment = term / inputs;
    const std::int64_t first_row = segment / winograd.segment_columns * Down::kTaps;
    const std::int64_t first_column = segment % winograd.segment_columns * Along::kTaps;
    const std::int64_t group = (first_input + term % inputs) / inputs_per_group;
    const std::int64_t input = (first_input + term % inputs) % inputs_per_group;
    for (std::int64_t part = 0; part < width; part += kFilterLanes) {
      const std::int64_t lanes = smaller<std::int64_t>(kFilterLanes, width - part);
      const std::int64_t filled = larger<std::int64_t>(0, smaller(lanes, shape.out_channels - first - part));
      const float* src = filter + input * shape.out_channels + first + part;
      FilterLines<Along::kTaps> rows_done[Down::kAlpha];
      for (int s = 0; s < Along::kTaps; ++s) {
        FilterLines<Down::kTaps> column;
        for (int r = 0; r < Down::kTaps; ++r) {
          const std::int64_t y = first_row + r;
          const std::int64_t x = first_column + s;
          const bool exists = y < shape.filter_height && x < shape.filter_width;
          const std::int64_t tap = exists ? y * shape.filter_width + x : 0;
          load_filter_lanes(src + tap * inputs_per_group * shape.out_channels, exists ? filled : 0,
                            column.values[r]);
          if (shape.groups > 1) clear_other_groups(first + part, outputs_per_group, group, column.values[r]);
        }
        FilterLines<Down::kAlpha> products;
        pack_filter_taps<Down>(column, products);
        for (int i = 0; i < Down::kAlpha; ++i) {
          for (int k = 0; k < kFilterLanes; ++k) rows_done[i].values[s][k] = products.values[i][k];
        }
      }
      for (int i = 0; i < Down::kAlpha; ++i) {
        FilterLines<Along::kAlpha> products;
        pack_filter_taps<Along>(rows_done[i], products);
        for (int j = 0; j < Along::kAlpha; ++j) {
          float* out = dst + ((i * Along::kAlpha + j) * terms + term) * width + part;
          store_filter_lanes(products.values[j], lanes, out);
        }
      }
    }
  }
}

// The same along rows only: [product][filter row][input channel][channel of the block].
template <typename Line>
void pack_winograd_row_filter_tile(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                                   std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const std::int64_t terms = shape.filter_height * shape.in_channels;
  const std::int64_t block = plan.blocking.channels_per_block;
  const std::int64_t first = tile * block;
  const std::int64_t width = smaller(block, plan.blocking.padded_group_channels - first);
  float* const dst = packed_filter + first * Line::kAlpha * terms;
  for (std::int64_t term = 0; term < terms; ++term) {
    const std::int64_t row = term / shape.in_channels;
    const std::int64_t c = term % shape.in_channels;
    for (std::int64_t part = 0; part < width; part += kFilterLanes) {
      const std::int64_t lanes = smaller<std::int64_t>(kFilterLanes, width - part);
      const std::int64_t filled = larger<std::int64_t>(0, smaller(lanes, shape.out_channels - first - part));
      FilterLines<Line::kTaps> taps;
      for (int s = 0; s < Line::kTaps; ++s) {
        const std::int64_t tap = (row * Line::kTaps + s) * shape.in_channels + c;
        load_filter_lanes(filter + tap * shape.out_channels + first + part, filled, taps.values[s]);
      }
      FilterLines<Line::kAlpha> products;
      pack_filter_taps<Line>(taps, products);
      for (int i = 0; i < Line::kAlpha; ++i)
        store_filter_lanes(products.values[i], lanes, dst + (i * terms + term) * width + part);
    }
  }
}

}  // namespace
}  // namespace varscope::simd
