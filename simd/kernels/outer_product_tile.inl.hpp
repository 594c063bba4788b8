// SPDX-License-Identifier: Apache-2.0
// The inner loop of filter gradients: a register tile of kRows by kVectors registers of sums over pixels.
// Each step multiplies kRows adjacent floats of one array with kVectors adjacent registers of another: a
// product A^T B with both matrices as they lie, and so summed over what is the longest by far.
//
// The sum of an element runs over the rows of pixels, then the columns, one multiply-add a step, whatever the
// size of the tile.
#pragma once

#include "register_tile.inl.hpp"

namespace varscope::simd {
namespace {

// What one pass over a tile reads. Steps are in floats.
struct OuterProductInput {
  const float* a;  // kRows floats of the first pixel
  std::int64_t a_row_step;
  std::int64_t a_column_step;
  const float* b;  // kVectors registers of the first pixel
  std::int64_t b_row_step;
  std::int64_t b_column_step;
  std::int64_t rows;  // of pixels
  std::int64_t columns;
};

// Where the sums go.
struct OuterProductSums {
  float* sums;
  std::int64_t step;  // from one of the kRows to the next
  bool first_pass;    // they are written, not added to what is there
};

template <typename Arch, int kRows, int kVectors>
struct OuterProductTile {
  static constexpr std::int64_t kLaneCount = kLanes<Arch>;

  static void run(const OuterProductInput& in, const OuterProductSums& out) noexcept {
    Floats<Arch> sums[kRows][kVectors];
    for_each([&](auto i, auto v) VARSCOPE_SIMD_LAMBDA { sums[i][v] = broadcast<Arch>(0.0f); });
    for (std::int64_t row = 0; row < in.rows; ++row) {
      const float* a = in.a + row * in.a_row_step;
      const float* b = in.b + row * in.b_row_step;
      for (std::int64_t column = in.columns; column != 0; --column) {
        Floats<Arch> factors[kVectors];
        unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { factors[v] = load<Arch>(b + v * kLaneCount); });
        unroll<kRows>([&](auto i) VARSCOPE_SIMD_LAMBDA {
          const Floats<Arch> x = broadcast<Arch>(a[i]);
          unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA {
            sums[i][v] = multiply_add<Arch>(x, factors[v], sums[i][v]);
          });
        });
        a += in.a_column_step;
        b += in.b_column_step;
      }
    }
    for_each([&](auto i, auto v) VARSCOPE_SIMD_LAMBDA {
      float* dst = out.sums + i * out.step + v * kLaneCount;
      store<Arch>(dst, out.first_pass ? sums[i][v] : load<Arch>(dst) + sums[i][v]);
    });
  }

 private:
  // body(i, v) for each register of the tile.
  template <typename Body>
  static VARSCOPE_SIMD_INLINE void for_each(Body&& body) noexcept {
    unroll<kRows>([&](auto i) VARSCOPE_SIMD_LAMBDA {
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { body(i, v); });
    });
  }
};

using OuterProductFunction = void (*)(const OuterProductInput& in, const OuterProductSums& out) noexcept;

template <typename Arch, int kVectors, typename Indices>
struct OuterProductTable;

template <typename Arch, int kVectors, int... kIndices>
struct OuterProductTable<Arch, kVectors, std::integer_sequence<int, kIndices...>> {
  static constexpr OuterProductFunction kFunctions[] = {
      &OuterProductTile<Arch, kIndices + 1, kVectors>::run...};
};

// The tile of `rows` (1 .. kTilePixels) by `vectors` (1 .. kTileVectors) registers.
template <typename Arch>
VARSCOPE_SIMD_INLINE OuterProductFunction outer_product_tile(std::int64_t rows,
                                                             std::int64_t vectors) noexcept {
  using AllRows = std::make_integer_sequence<int, kTilePixels<Arch>>;
  return vectors == 1 ? OuterProductTable<Arch, 1, AllRows>::kFunctions[rows - 1]
                      : OuterProductTable<Arch, 2, AllRows>::kFunctions[rows - 1];
}

}  // namespace
}  // namespace varscope::simd
