// SPDX-License-Identifier: Apache-2.0
// How direct convolution cuts a row of output pixels into register tiles, and which of them read columns
// outside of the image. The plan sizes the workspace by it, the tile function runs by it.
#pragma once

#include <varscope/simd/conv2d.hpp>

#include <cstdint>

namespace varscope::simd {
namespace {

struct DirectRowCut {
  const Conv2DShape& shape;
  std::int64_t tiles;
  std::int64_t smaller_size;  // the first tiles have one pixel more
  std::int64_t larger_tiles;

  constexpr DirectRowCut(const Conv2DShape& of, std::int64_t most_pixels) noexcept
      : shape(of),
        tiles((of.out_width + most_pixels - 1) / most_pixels),
        smaller_size(tiles == 0 ? 0 : of.out_width / tiles),
        larger_tiles(of.out_width - smaller_size * tiles) {}

  // The first output pixel of a tile, and how many it has.
  constexpr std::int64_t first(std::int64_t tile) const noexcept {
    return tile * smaller_size + (tile < larger_tiles ? tile : larger_tiles);
  }
  constexpr std::int64_t pixels(std::int64_t tile) const noexcept {
    return smaller_size + (tile < larger_tiles ? 1 : 0);
  }

  // The first input column that a tile reads; outside of the image it is negative.
  constexpr std::int64_t first_column(std::int64_t tile) const noexcept {
    return first(tile) * shape.stride_width - shape.pad_left;
  }
  // The input columns that so many output pixels read.
  constexpr std::int64_t columns(std::int64_t of_pixels) const noexcept {
    return (of_pixels - 1) * shape.stride_width + (shape.filter_width - 1) * shape.dilation_width + 1;
  }
  constexpr bool inside(std::int64_t tile) const noexcept {
    const std::int64_t left = first_column(tile);
    return left >= 0 && left + columns(pixels(tile)) <= shape.in_width;
  }
  // How many tiles from this one on, which is inside, are inside and as wide: one rectangle of them.
  constexpr std::int64_t equal_tiles(std::int64_t tile) const noexcept {
    std::int64_t last = tile + 1;
    while (last < tiles && pixels(last) == pixels(tile) && inside(last)) ++last;
    return last - tile;
  }
};

}  // namespace
}  // namespace varscope::simd
