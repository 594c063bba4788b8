// SPDX-License-Identifier: Apache-2.0
// Matrix product of row-major float32 matrices:
//
//   C[rows, columns] = activation(op(A)[rows, depth] * op(B)[depth, columns] + bias[columns])
//
// op() transposes where the shape says so: A is then stored [depth, rows], B is stored [columns, depth].
// B is packed first (once, where it is constant). Batches are the caller's loop.
// Plan, packing and tiles work as in conv2d.hpp: any order, any threads, the same bits.
#pragma once

#include <varscope/simd/activation.hpp>
#include <varscope/simd/cpu.hpp>

#include <cstdint>

namespace varscope::simd {

struct KernelSet;

// Requires: every size positive.
struct MatMulShape {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::int64_t depth = 1;
  bool transpose_a = false;
  bool transpose_b = false;
};

struct MatMulArguments {
  const float* a = nullptr;
  const float* packed_b = nullptr;  // what the plan's pack_b_tile made
  float* c = nullptr;               // overlaps nothing else here
  const float* bias = nullptr;      // [columns], or null for none
  Activation activation = Activation::none;
  float* workspace = nullptr;  // plan.workspace_floats floats for this tile alone, contents free
};

struct MatMulPlan;
using MatMulPackFunction = void (*)(const MatMulPlan& plan, const float* b, float* packed_b,
                                    std::int64_t tile) noexcept;
using MatMulTileFunction = void (*)(const MatMulPlan& plan, const MatMulArguments& arguments,
                                    std::int64_t tile) noexcept;

// How the loops of one plan are cut; read by the tile functions. A block is the columns of one register tile,
// a panel its rows.
struct MatMulBlocking {
  std::int64_t columns_per_block = 0;
  std::int64_t block_count = 0;      // blocks that cover the columns
  std::int64_t padded_columns = 0;   // columns, filled up to whole registers
  std::int64_t depth_per_chunk = 0;  // depth summed in one pass over a tile
  std::int64_t rows_per_panel = 0;   // at most
  std::int64_t panel_step = 0;       // floats from row to row where A is copied to the workspace, else 0
  std::int64_t rows_per_tile = 0;
  std::int64_t row_tiles = 0;
  std::int64_t blocks_per_tile = 0;
  std::int64_t block_tiles = 0;
  std::int64_t blocks_per_pass = 1;  // blocks of which all are summed for one panel before the next one
  bool fetch_output = false;         // A and C are too large for the second-level cache
  bool adjacent_rows = false;        // A's rows lie side by side
};

struct MatMulPlan {
  MatMulShape shape;
  MatMulBlocking blocking;
  std::int64_t packed_b_floats = 0;
  std::int64_t pack_tile_count = 0;
  std::int64_t workspace_floats = 0;
  std::int64_t tile_count = 0;
  MatMulPackFunction pack_b_tile = nullptr;
  MatMulTileFunction run_tile = nullptr;
};

// A pure function of its arguments; plans may be kept, copied and shared by threads.
MatMulPlan plan_matmul(const KernelSet& kernels, const MatMulShape& shape, const CacheSizes& caches) noexcept;

// The slot of a kernel set; callers use the plan's function instead.
struct MatMulKernels {
  MatMulTileFunction tile = nullptr;  // null: the set has the reference only
};

}  // namespace varscope::simd
