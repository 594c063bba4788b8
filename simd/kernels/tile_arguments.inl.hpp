// SPDX-License-Identifier: Apache-2.0
// What the inner loops of convolutions and matrix products are given.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/activation.hpp>

namespace varscope::simd {
namespace {

// What one pass over a rectangle of register tiles reads. Steps are in floats.
struct TileInput {
  const float* pixels;           // first pixel, at the first filter row, column and channel
  std::int64_t pixel_step;       // from one pixel to the next
  std::int64_t row_step = 0;     // from one filter row to the next
  std::int64_t column_step = 0;  // from one filter column to the next
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::int64_t channels;  // adjacent floats, at least one
  const float* filter;    // [rows][columns][channels][kVectors * lanes]
  // A rectangle of register tiles: panels of kPixels pixels by blocks of kVectors * lanes output channels,
  // side by side.
  std::int64_t panels = 1;
  std::int64_t panel_step = 0;         // from one panel's pixels to the next one's
  std::int64_t panel_filter_step = 0;  // and from its filter
  std::int64_t blocks = 1;
  std::int64_t block_step = 0;   // from one block's filter to the next one's
  bool adjacent_pixels = false;  // the panels are one run of floats
};

// What it writes, at the first pixel and the first channel.
struct TileOutput {
  float* pixels;
  std::int64_t pixel_step;
  std::int64_t panel_step = 0;
  // That are there, of the last register at least one. Where they are not all, there is one block.
  std::int64_t channels;
  // The sums start at both. Null for zero.
  const float* bias = nullptr;
  const float* start = nullptr;       // a residual, or what an earlier pass left
  std::int64_t start_step = 0;        // from one pixel's to the next
  std::int64_t start_panel_step = 0;  // and from one panel's to the next
  bool relu = false;
  // Input and output come from beyond the second-level cache: ask for what comes next. (A hint: small tiles
  // do not.)
  bool fetch = false;
};

// Rows for what a tile does not have, at the start of a line: across two, each load would take two.
struct TileConstants {
  static constexpr int kFloats = 48;  // of the widest block
  alignas(64) float zeros[kFloats] = {};
  alignas(64) float minus_zeros[kFloats] = {};  // adding them changes nothing, not even the sign of a zero
  alignas(64) float no_floor[kFloats] = {};
  constexpr TileConstants() noexcept {
    for (int i = 0; i < kFloats; ++i) {
      minus_zeros[i] = -0.0f;
      no_floor[i] = -__builtin_inff();
    }
  }
};
constexpr TileConstants kTileConstants;

// The filter is the long stream of the loop, kChannels floats a step. Processors follow it by themselves, but
// only to the end of a page, where each new one would cost the latency of the next cache.
template <std::int64_t kChannels>
VARSCOPE_SIMD_INLINE void prefetch_filter(const float* filter) noexcept {
  constexpr std::int64_t kStepsAhead = 24;
  unroll<kLinesOf<kChannels>>([&](auto line) VARSCOPE_SIMD_LAMBDA {
    __builtin_prefetch(filter + kStepsAhead * kChannels + line * kLineFloats);
  });
}

}  // namespace
}  // namespace varscope::simd
