// SPDX-License-Identifier: Apache-2.0
// What the plans share about cutting work into tiles.
#pragma once

#include <varscope/simd/cpu.hpp>

#include <algorithm>
#include <cstdint>

namespace varscope::simd {

constexpr std::int64_t kFloatBytes = 4;

// A tile should be long against the cost of handing it to a thread, and short against a batch of one.
constexpr std::int64_t kFlopsPerTile = 4'000'000;

// So many tiles fill the threads of a large machine evenly.
constexpr std::int64_t kManyTiles = 32;

constexpr std::int64_t ceil_divide(std::int64_t a, std::int64_t b) noexcept {
  return (a + b - 1) / b;
}

// Bytes of packed filter that a pass may read again for each register tile. A register tile takes 11 bytes of
// it a cycle, which the second-level cache delivers beside the arithmetic; so the pass should be long, for
// its sums to be loaded and stored seldom, and need not fit the first level.
constexpr std::int64_t filter_bytes_per_pass(const CacheSizes& caches) noexcept {
  return std::max(caches.level1_data * 5 / 8, caches.level2 / 4);
}

// Whether so many floats of input or output lie in memory rather than in a cache. (Measured, second-level
// caches of 1 MiB: stores begin to wait between 6 and 12 MiB.)
constexpr bool exceeds_caches(const CacheSizes& caches, std::int64_t floats) noexcept {
  return floats * kFloatBytes > 8 * caches.level2;
}

// Cuts `total` into tiles of nearly equal size, none larger than `wanted`.
constexpr void cut_evenly(std::int64_t total, std::int64_t wanted, std::int64_t* per_tile,
                          std::int64_t* tiles) noexcept {
  *per_tile = ceil_divide(total, ceil_divide(total, wanted));
  *tiles = ceil_divide(total, *per_tile);
}

// Cuts `total` pixels into tiles of about `wanted`, of which `others` such rows are cut. Many tiles are whole
// register tiles of `panel` pixels, the last one smaller. Few are nearly equal and even in number: what one
// of two threads does more than the other, the other waits for.
constexpr void cut_for_threads(std::int64_t total, std::int64_t wanted, std::int64_t panel,
                               std::int64_t others, std::int64_t* per_tile, std::int64_t* tiles) noexcept {
  *tiles = ceil_divide(total, wanted);
  if (*tiles * others >= kManyTiles) {
    *per_tile = std::min(ceil_divide(ceil_divide(total, *tiles), panel) * panel, total);
  } else {
    if (*tiles > 1 && *tiles * others % 2 == 1) ++*tiles;
    *per_tile = ceil_divide(total, *tiles);
  }
  *tiles = ceil_divide(total, *per_tile);
}

}  // namespace varscope::simd
