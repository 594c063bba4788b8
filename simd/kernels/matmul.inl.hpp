// SPDX-License-Identifier: Apache-2.0
// Matrix products, and pointwise convolutions, which are products of pixels and filter. A tile is some rows
// by some blocks of columns. For each chunk of the depth and each block its rows are cut into panels of the
// height of a register tile: the block's part of B stays in the first-level cache while the panels of A pass
// from the second (K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).
#pragma once

#include "activate.inl.hpp"
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
  bool adjacent_rows;
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

// Panels of rows from `row` of the tile on by the blocks first_block to last_block, of one chunk of the
// depth.
template <typename Arch>
VARSCOPE_SIMD_INLINE void multiply_panels(const ProductTile& tile, TileInput in, std::int64_t first_depth,
                                          std::int64_t row, std::int64_t rows, std::int64_t first_block,
                                          std::int64_t last_block) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  const std::int64_t width = tile.columns_per_block;
  const std::int64_t index = (tile.first_row + row) * tile.columns;
  const bool first_pass = first_depth == 0;
  const bool last_pass = first_depth + in.channels == tile.depth;
  const auto run = [&](std::int64_t first_column, std::int64_t channels, std::int64_t blocks) {
    const std::int64_t vectors = (channels + lanes - 1) / lanes;
    in.filter = tile.packed_b + first_column * tile.depth + first_depth * vectors * lanes;
    in.blocks = blocks;
    in.block_step = width * tile.depth;
    const std::int64_t first = index + first_column;
    const float* const residual = tile.residual == nullptr ? nullptr : tile.residual + first;
    register_tile<Arch>(rows, vectors)(
        in, {.pixels = tile.c + first,
             .pixel_step = tile.columns,
             .panel_step = rows * tile.columns,
             .channels = channels,
             .bias = first_pass && tile.bias != nullptr ? tile.bias + first_column : nullptr,
             .start = first_pass ? residual : tile.c + first,
             .start_step = tile.columns,
             .start_panel_step = rows * tile.columns,
             .relu = last_pass && tile.activation == Activation::relu,
             .fetch = tile.fetch_output});
    if (!last_pass) return;
    activate<Arch>(tile.activation, {.first = tile.c + first,
                                     .pixels = in.panels * rows,
                                     .pixel_step = tile.columns,
                                     .channels = channels * blocks});
  };
  for_each_blocks(first_block * width, smaller(last_block * width, tile.columns), width, run);
}

template <typename Arch>
VARSCOPE_SIMD_INLINE void run_product_tile(const ProductTile& tile) noexcept {
  for (std::int64_t first_depth = 0; first_depth < tile.depth; first_depth += tile.depth_per_chunk) {
    const std::int64_t depth = smaller(tile.depth_per_chunk, tile.depth - first_depth);
    const bool copied = tile.panel_step != 0;
    if (copied) copy_rows(tile, first_depth, depth);
    const std::int64_t row_step = copied ? tile.panel_step : tile.a_row_step;
    const float* a =
        copied ? tile.workspace : tile.a + tile.first_row * tile.a_row_step + first_depth * tile.a_depth_step;
    for (std::int64_t block = tile.first_block; block < tile.last_block; block += tile.blocks_per_pass) {
      const std::int64_t last_block = smaller(block + tile.blocks_per_pass, tile.last_block);
      const auto run = [&](std::int64_t row, std::int64_t rows, std::int64_t panels) {
        const TileInput in = {.pixels = a + row * row_step,
                              .pixel_step = row_step,
                              .channels = depth,
                              .filter = nullptr,
                              .panels = panels,
                              .panel_step = rows * row_step,
                              .adjacent_pixels = tile.adjacent_rows};
        multiply_panels<Arch>(tile, in, first_depth, row, rows, block, last_block);
      };
      for_each_panels(tile.last_row - tile.first_row, tile.rows_per_panel, run);
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
                          .adjacent_rows = blocking.adjacent_rows,
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
                          .adjacent_rows = blocking.adjacent_rows,
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
