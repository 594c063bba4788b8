// SPDX-License-Identifier: Apache-2.0
// What the plans share about cutting work into tiles.
#pragma once

#include <varscope/simd/cpu.hpp>
#include <varscope/simd/kernel_set.hpp>

#include <algorithm>
#include <cstdint>

namespace varscope::simd {

constexpr std::int64_t kFloatBytes = 4;

// A tile should be long against the cost of handing it to a thread, and short against a batch of one.
constexpr std::int64_t kFlopsPerTile = 4'000'000;

// So many tiles fill the threads of a large machine evenly.
constexpr std::int64_t kManyTiles = 32;

struct RegisterTileSize {
  std::int64_t pixels;
  std::int64_t vectors;
};

constexpr std::int64_t ceil_divide(std::int64_t a, std::int64_t b) noexcept {
  return (a + b - 1) / b;
}

// The register tile for so many registers of output channels of so many pixels beside each other. One
// register wide it would load as much as it multiplies, so few registers are blocks of three rather than of
// two and one. And of four pixels or three the sums of two registers are just as many as a processor has
// multiply-adds on their way, or fewer, and wait for each other.
constexpr RegisterTileSize register_tile_size(const KernelSet& kernels, std::int64_t vectors,
                                              std::int64_t pixels) noexcept {
  constexpr std::int64_t kFewPixels = 4;
  const std::int64_t tiles = ceil_divide(pixels, kernels.tile_pixels);
  const bool few_sums =
      pixels / tiles <= kFewPixels && ceil_divide(pixels, tiles) >= kFewPixels && vectors > 4;
  if (vectors == 3 || vectors == 9 || few_sums) return {kernels.tile_pixels * 2 / 3, 3};
  return {kernels.tile_pixels, std::min(kernels.tile_vectors, vectors)};
}

// Bytes of packed filter that a pass may read again for each register tile. A register tile takes 11 bytes of
// it a cycle, which the second-level cache delivers beside the arithmetic; so the pass should be long, for
// its sums to be loaded and stored seldom, and need not fit the first level.
constexpr std::int64_t filter_bytes_per_pass(const CacheSizes& caches) noexcept {
  return std::max(caches.level1_data * 5 / 8, caches.level2 / 4);
}

// Whether so many floats of output are written to memory rather than to a cache. (Measured, second-level
// caches of 1 MiB: stores begin to wait between 6 and 12 MiB.)
constexpr bool exceeds_caches(const CacheSizes& caches, std::int64_t output_floats) noexcept {
  return output_floats * kFloatBytes > 8 * caches.level2;
}

// Cuts `total` into tiles of nearly equal size, none larger than `wanted`.
constexpr void cut_evenly(std::int64_t total, std::int64_t wanted, std::int64_t* per_tile,
                          std::int64_t* tiles) noexcept {
  *per_tile = ceil_divide(total, ceil_divide(total, wanted));
  *tiles = ceil_divide(total, *per_tile);
}

// `tiles`, or one more: with few tiles, `others` times as many in all, an odd number leaves one of two
// threads waiting for the other.
constexpr std::int64_t even_if_few(std::int64_t tiles, std::int64_t others) noexcept {
  const bool few = tiles * others < kManyTiles;
  return few && tiles > 1 && tiles * others % 2 == 1 ? tiles + 1 : tiles;
}

// Cuts `total` pixels into tiles of about `wanted`; there are `others` times as many tiles in all. Many are
// whole register tiles of `panel` pixels, the last one smaller; few are nearly equal and even in number.
constexpr void cut_for_threads(std::int64_t total, std::int64_t wanted, std::int64_t panel,
                               std::int64_t others, std::int64_t* per_tile, std::int64_t* tiles) noexcept {
  *tiles = even_if_few(ceil_divide(total, wanted), others);
  *per_tile = ceil_divide(total, *tiles);
  if (*tiles * others >= kManyTiles) *per_tile = std::min(ceil_divide(*per_tile, panel) * panel, total);
  *tiles = ceil_divide(total, *per_tile);
}

// Cuts `total` blocks, which are all the work there is, into tiles of at most `wanted`; few such that one of
// two threads has as little more than the other as there may be, but no more tiles than that needs.
constexpr void cut_for_two(std::int64_t total, std::int64_t wanted, std::int64_t* per_tile,
                           std::int64_t* tiles) noexcept {
  cut_evenly(total, wanted, per_tile, tiles);
  if (*tiles >= kManyTiles) return;
  const auto larger_share = [&](std::int64_t size) {
    return ceil_divide(ceil_divide(total, size), 2) * size;
  };
  for (std::int64_t size = *per_tile - 1; size > 0; --size) {
    if (larger_share(size) < larger_share(*per_tile)) *per_tile = size;
  }
  *tiles = ceil_divide(total, *per_tile);
}

}  // namespace varscope::simd
