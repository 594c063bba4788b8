// SPDX-License-Identifier: Apache-2.0
#include "matmul_plan.hpp"

#include "kernels_reference.hpp"
#include "tiling.hpp"

#include <algorithm>

namespace varscope::simd {

namespace {

// Rows of A whose distance is a multiple of this many floats (4096 bytes) compete for the same few places of
// a first-level cache; they are copied side by side first.
constexpr std::int64_t kConflictFloats = 1024;
constexpr std::int64_t kPanelPadding = 16;

// Panels that a block of B meets while it is in the first-level cache; more gain nothing.
constexpr std::int64_t kPanelsPerTile = 10;

// Blocks that share one copy of A.
constexpr std::int64_t kBlocksPerCopy = 8;

void pack_b_block(const MatMulPlan& plan, const float* b, float* packed_b, std::int64_t block) noexcept {
  const MatMulShape& shape = plan.shape;
  const MatrixSteps steps = {.depth_step = shape.transpose_b ? 1 : shape.columns,
                             .column_step = shape.transpose_b ? shape.depth : 1};
  pack_product_block(plan.blocking, shape.depth, shape.columns, steps, b, packed_b, block);
}

}  // namespace

MatMulBlocking plan_product(const KernelSet& kernels, const ProductSize& size,
                            const CacheSizes& caches) noexcept {
  MatMulBlocking blocking;
  const std::int64_t lanes = kernels.vector_floats;
  const std::int64_t vectors = ceil_divide(size.columns, lanes);
  const RegisterTileSize tile = register_tile_size(kernels, vectors, size.rows);
  blocking.columns_per_block = tile.vectors * lanes;
  blocking.block_count = ceil_divide(size.columns, blocking.columns_per_block);
  blocking.padded_columns = vectors * lanes;
  blocking.rows_per_panel = std::min(tile.pixels, size.rows);

  // A block of B for one chunk of the depth and the rows of A stay in the second-level cache.
  const std::int64_t depth_for_b = filter_bytes_per_pass(caches) / (blocking.columns_per_block * kFloatBytes);
  const std::int64_t depth = std::clamp<std::int64_t>(depth_for_b, 64, 2048);
  blocking.depth_per_chunk = ceil_divide(size.depth, ceil_divide(size.depth, depth));

  const bool conflicts = size.a_row_step % kConflictFloats == 0 && size.rows > 1;
  const bool copied = size.a_depth_step != 1 || conflicts;
  if (copied) blocking.panel_step = blocking.depth_per_chunk + kPanelPadding;
  const std::int64_t fitting =
      caches.level2 / 2 / (blocking.depth_per_chunk * kFloatBytes) / blocking.rows_per_panel;
  const std::int64_t rows =
      std::min(std::clamp<std::int64_t>(fitting, 1, kPanelsPerTile) * blocking.rows_per_panel, size.rows);
  // With fewer rows than that B does not come as fast as it is multiplied.
  constexpr std::int64_t kFewRows = 16;
  const std::int64_t flops_per_block = 2 * size.depth * blocking.columns_per_block * std::max(rows, kFewRows);
  const std::int64_t fewest = copied ? kBlocksPerCopy : 1;
  const std::int64_t blocks =
      std::clamp<std::int64_t>(ceil_divide(kFlopsPerTile, flops_per_block),
                               std::min(fewest, blocking.block_count), blocking.block_count);
  // What takes no longer than a microsecond or two is not worth two threads.
  constexpr std::int64_t kShortFlops = kFlopsPerTile / 16;
  const bool is_short = size.rows * size.columns * size.depth * 2 <= kShortFlops;
  const auto cut = size.rows <= rows && !is_short ? cut_for_two : cut_evenly;
  cut(blocking.block_count, blocks, &blocking.blocks_per_tile, &blocking.block_tiles);
  cut_for_threads(size.rows, rows, blocking.rows_per_panel, blocking.block_tiles, &blocking.rows_per_tile,
                  &blocking.row_tiles);
  blocking.fetch_output = size.rows * (size.depth + size.columns) * kFloatBytes > caches.level2;
  blocking.adjacent_rows = !copied && blocking.depth_per_chunk == size.depth;
  // Blocks that fit into the first-level cache together share a pass; a larger one is alone. (Several such
  // blocks would read it from the second level just the same, and the processor does not recognize the stream
  // of A's rows so well: from memory, passes of two blocks took 1.3 times as long.)
  const std::int64_t block_bytes = blocking.depth_per_chunk * blocking.columns_per_block * kFloatBytes;
  blocking.blocks_per_pass = std::max<std::int64_t>(caches.level1_data * 3 / 4 / block_bytes, 1);
  // Of few rows some blocks are in work at one time (kernels/few_pixels_tile.inl.hpp).
  constexpr std::int64_t kFewestBlocks = 4;
  if (blocking.rows_per_panel <= 3)
    blocking.blocks_per_pass = std::max(blocking.blocks_per_pass, kFewestBlocks);
  return blocking;
}

void pack_product_block(const MatMulBlocking& blocking, std::int64_t depth, std::int64_t columns,
                        const MatrixSteps& steps, const float* b, float* packed_b,
                        std::int64_t block) noexcept {
  const std::int64_t first = block * blocking.columns_per_block;
  const std::int64_t filled = std::min(blocking.columns_per_block, columns - first);
  const std::int64_t width = std::min(blocking.columns_per_block, blocking.padded_columns - first);
  float* dst = packed_b + first * depth;
  const float* src = b + first * steps.column_step;
  if (steps.column_step == 1) {
    for (std::int64_t d = 0; d < depth; ++d, dst += width) {
      std::copy_n(src + d * steps.depth_step, filled, dst);
      std::fill_n(dst + filled, width - filled, 0.0f);
    }
    return;
  }
  // Columns may lie a multiple of a page apart, where their lines compete for a few places of the caches: a
  // whole line of each is taken at once.
  constexpr std::int64_t kLineFloats = 16;
  for (std::int64_t first_d = 0; first_d < depth; first_d += kLineFloats) {
    const std::int64_t last_d = std::min(first_d + kLineFloats, depth);
    for (std::int64_t i = 0; i < filled; ++i) {
      const float* column = src + i * steps.column_step;
      for (std::int64_t d = first_d; d < last_d; ++d) dst[d * width + i] = column[d * steps.depth_step];
    }
    for (std::int64_t d = first_d; d < last_d; ++d)
      std::fill_n(dst + d * width + filled, width - filled, 0.0f);
  }
}

MatMulPlan plan_matmul(const KernelSet& kernels, const MatMulShape& shape,
                       const CacheSizes& caches) noexcept {
  MatMulPlan plan;
  plan.shape = shape;
  if (kernels.matmul.tile == nullptr) {
    plan_reference_matmul(&plan);
    return plan;
  }
  const ProductSize size = {.rows = shape.rows,
                            .columns = shape.columns,
                            .depth = shape.depth,
                            .a_row_step = shape.transpose_a ? 1 : shape.depth,
                            .a_depth_step = shape.transpose_a ? shape.rows : 1};
  plan.blocking = plan_product(kernels, size, caches);
  plan.packed_b_floats = shape.depth * plan.blocking.padded_columns;
  plan.pack_tile_count = plan.blocking.block_count;
  plan.workspace_floats = plan.blocking.rows_per_tile * plan.blocking.panel_step;
  plan.tile_count = plan.blocking.row_tiles * plan.blocking.block_tiles;
  plan.pack_b_tile = pack_b_block;
  plan.run_tile = kernels.matmul.tile;
  return plan;
}

}  // namespace varscope::simd
