// SPDX-License-Identifier: Apache-2.0
// Matrix products, and pointwise convolutions, which are products of pixels and filter. A tile is some rows
// by some blocks of columns. For each chunk of the depth and each block its rows are cut into panels of the
// height of a register tile: the block's part of B stays in the first-level cache while the panels of A pass
// from the second (K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).
#pragma once

#include "register_tile.inl.hpp"

#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/matmul.hpp>

namespace varscope::simd {
namespace {

// One tile of C = A * B.
struct ProductTile {
  const float* a;
  std::int64_t a_row_step;    // floats from one row of A to the next
  std::int64_t a_depth_step;  // and from one column to the next
  std::int64_t panel_step;  // not zero: copy A's rows to the workspace, columns adjacent, rows this far apart
  std::int64_t depth;
  std::int64_t depth_per_chunk;
  std::int64_t first_row;
  std::int64_t last_row;
  std::int64_t rows_per_panel;
  std::int64_t columns;  // of all C
  std::int64_t columns_per_block;
  std::int64_t blocks_per_pass;
  bool fetch_output;
  std::int64_t first_block;
  std::int64_t last_block;
  const float* packed_b;
  float* c;
  const float* bias;
  const float* residual;
  Activation activation;
  float* workspace;
};

// Copies `depth` columns of A from `first_depth` on, of all rows of the tile.
VARSCOPE_SIMD_INLINE void copy_rows(const ProductTile& tile, std::int64_t first_depth,
                                    std::int64_t depth) noexcept {
  for (std::int64_t row = tile.first_row; row < tile.last_row; ++row) {
    const float* src = tile.a + row * tile.a_row_step + first_depth * tile.a_depth_step;
    float* dst = tile.workspace + (row - tile.first_row) * tile.panel_step;
    if (tile.a_depth_step == 1) {
      for (std::int64_t d = 0; d < depth; ++d) dst[d] = src[d];
    } else {
      for (std::int64_t d = 0; d < depth; ++d) dst[d] = src[d * tile.a_depth_step];
    }
  }
}

template <typename Arch>
VARSCOPE_SIMD_INLINE void run_product_tile(const ProductTile& tile) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const std::int64_t row_count = tile.last_row - tile.first_row;
  const std::int64_t panels = (row_count + tile.rows_per_panel - 1) / tile.rows_per_panel;
  for (std::int64_t first_depth = 0; first_depth < tile.depth; first_depth += tile.depth_per_chunk) {
    const std::int64_t depth = smaller(tile.depth_per_chunk, tile.depth - first_depth);
    const bool copied = tile.panel_step != 0;
    if (copied) copy_rows(tile, first_depth, depth);
    const std::int64_t row_step = copied ? tile.panel_step : tile.a_row_step;
    const float* a =
        copied ? tile.workspace : tile.a + tile.first_row * tile.a_row_step + first_depth * tile.a_depth_step;
    for (std::int64_t first_block = tile.first_block; first_block < tile.last_block;
         first_block += tile.blocks_per_pass) {
      const std::int64_t last_block = smaller(first_block + tile.blocks_per_pass, tile.last_block);
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        const std::int64_t row = panel * row_count / panels;
        const std::int64_t rows = (panel + 1) * row_count / panels - row;
        TileInput in = {.pixels = a + row * row_step,
                        .pixel_step = row_step,
                        .row_step = 0,
                        .column_step = 0,
                        .rows = 1,
                        .columns = 1,
                        .channels = depth,
                        .filter = nullptr};
        for (std::int64_t block = first_block; block < last_block; ++block) {
          const std::int64_t column = block * tile.columns_per_block;
          const std::int64_t block_columns = smaller(tile.columns_per_block, tile.columns - column);
          const std::int64_t vectors = (block_columns + lanes - 1) / lanes;
          in.filter = tile.packed_b + column * tile.depth + first_depth * vectors * lanes;
          const std::int64_t first = (tile.first_row + row) * tile.columns + column;
          const TileOutput out = {.pixels = tile.c + first,
                                  .pixel_step = tile.columns,
                                  .channels = block_columns,
                                  .bias = tile.bias == nullptr ? nullptr : tile.bias + column,
                                  .residual = tile.residual == nullptr ? nullptr : tile.residual + first,
                                  .activation = tile.activation,
                                  .first_pass = first_depth == 0,
                                  .last_pass = first_depth + depth == tile.depth,
                                  .fetch = tile.fetch_output};
          register_tile<Arch>(rows, vectors)(in, out);
        }
      }
    }
  }
}

template <typename Arch>
void matmul_tile(const MatMulPlan& plan, const MatMulArguments& arguments, std::int64_t tile) noexcept {
  const MatMulShape& shape = plan.shape;
  const MatMulBlocking& blocking = plan.blocking;
  const std::int64_t first_row = tile / blocking.block_tiles * blocking.rows_per_tile;
  const std::int64_t first_block = tile % blocking.block_tiles * blocking.blocks_per_tile;
  run_product_tile<Arch>({.a = arguments.a,
                          .a_row_step = shape.transpose_a ? 1 : shape.depth,
                          .a_depth_step = shape.transpose_a ? shape.rows : 1,
                          .panel_step = blocking.panel_step,
                          .depth = shape.depth,
                          .depth_per_chunk = blocking.depth_per_chunk,
                          .first_row = first_row,
                          .last_row = smaller(first_row + blocking.rows_per_tile, shape.rows),
                          .rows_per_panel = blocking.rows_per_panel,
                          .columns = shape.columns,
                          .columns_per_block = blocking.columns_per_block,
                          .blocks_per_pass = blocking.blocks_per_pass,
                          .fetch_output = blocking.fetch_output,
                          .first_block = first_block,
                          .last_block = smaller(first_block + blocking.blocks_per_tile, blocking.block_count),
                          .packed_b = arguments.packed_b,
                          .c = arguments.c,
                          .bias = arguments.bias,
                          .residual = nullptr,
                          .activation = arguments.activation,
                          .workspace = arguments.workspace});
}

// The rows of A are the pixels of the whole batch, the columns of C the output channels.
template <typename Arch>
void conv2d_pointwise_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                           std::int64_t tile) noexcept {
  const Conv2DShape& shape = plan.shape;
  const MatMulBlocking& blocking = plan.product;
  const std::int64_t pixels = shape.batch * shape.in_height * shape.in_width;
  const std::int64_t first_row = tile / blocking.block_tiles * blocking.rows_per_tile;
  const std::int64_t first_block = tile % blocking.block_tiles * blocking.blocks_per_tile;
  run_product_tile<Arch>({.a = arguments.input,
                          .a_row_step = shape.in_channels,
                          .a_depth_step = 1,
                          .panel_step = blocking.panel_step,
                          .depth = shape.in_channels,
                          .depth_per_chunk = blocking.depth_per_chunk,
                          .first_row = first_row,
                          .last_row = smaller(first_row + blocking.rows_per_tile, pixels),
                          .rows_per_panel = blocking.rows_per_panel,
                          .columns = shape.out_channels,
                          .columns_per_block = blocking.columns_per_block,
                          .blocks_per_pass = blocking.blocks_per_pass,
                          .fetch_output = blocking.fetch_output,
                          .first_block = first_block,
                          .last_block = smaller(first_block + blocking.blocks_per_tile, blocking.block_count),
                          .packed_b = arguments.packed_filter,
                          .c = arguments.output,
                          .bias = arguments.epilogue.bias,
                          .residual = arguments.epilogue.residual,
                          .activation = arguments.epilogue.activation,
                          .workspace = arguments.workspace});
}

}  // namespace
}  // namespace varscope::simd
