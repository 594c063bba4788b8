// SPDX-License-Identifier: Apache-2.0
#include "conv2d_winograd_plan.hpp"
#include "tiling.hpp"

#include <algorithm>

namespace varscope::simd {

namespace {

WinogradFunctions functions_of(const KernelSet& kernels, const Conv2DShape& shape) noexcept {
  for (const WinogradFunctions& functions : kernels.conv2d.winograd_row.functions) {
    if (functions.filter_width == shape.filter_width && functions.stride == shape.stride_width)
      return functions;
  }
  return {};
}

constexpr std::int64_t round_up(std::int64_t floats, std::int64_t multiple) noexcept {
  return ceil_divide(floats, multiple) * multiple;
}

}  // namespace

const char* refusal_of_winograd_row(const KernelSet& kernels, const Conv2DShape& shape) noexcept {
  if (kernels.conv2d.winograd_row.functions[0].tile == nullptr)
    return "the kernel set has no Winograd convolution along rows";
  if (shape.dilation_width != 1) return "Winograd along rows needs dilation 1 along rows";
  if (shape.groups != 1) return "Winograd along rows needs one group";
  if (functions_of(kernels, shape).tile == nullptr) {
    return "Winograd along rows has filters of 3, 5 and 7 columns with stride 1, of 3 to 7 with stride 2";
  }
  return nullptr;
}

void plan_winograd_row(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  Conv2DBlocking& blocking = plan->blocking;
  WinogradRowBlocking& row = plan->winograd_row;
  const WinogradFunctions functions = functions_of(kernels, shape);
  const std::int64_t lanes = kernels.vector_floats;
  const std::int64_t block = kernels.tile_vectors * lanes;
  row.outputs_per_patch = functions.patch_width;
  row.products = (row.outputs_per_patch - 1) * shape.stride_width + shape.filter_width;
  row.patches_per_row = ceil_divide(shape.out_width, row.outputs_per_patch);

  // What is transformed stays in the second-level cache. Neighbouring tiles both transform the rows that the
  // filter reaches over, so a tile has as many rows at least as the filter where there is room; and those of
  // a register tile.
  const std::int64_t reach = (shape.filter_height - 1) * shape.dilation_height;
  const std::int64_t columns =
      (row.patches_per_row - 1) * row.outputs_per_patch * shape.stride_width + row.products;
  const std::int64_t bytes_per_row =
      (columns + row.products * row.patches_per_row) * shape.in_channels * kFloatBytes;
  const std::int64_t fitting = (caches.level2 / 2 / bytes_per_row - reach) / shape.stride_height;
  const std::int64_t wanted = round_up(
      std::max(ceil_divide(shape.batch * shape.out_height, kManyTiles), reach / shape.stride_height + 1),
      kernels.tile_pixels);
  // The kernel makes them of nearly equal size; of pairs of rows where it can, for the pooling that may
  // follow.
  row.rows_together = shape.out_height % 2 == 0 ? 2 : 1;
  const std::int64_t pieces = shape.out_height / row.rows_together;
  row.row_tiles = std::min(
      even_if_few(ceil_divide(shape.out_height, std::clamp<std::int64_t>(fitting, 1, wanted)), shape.batch),
      pieces);
  row.rows_per_tile = ceil_divide(pieces, row.row_tiles) * row.rows_together;
  row.rows_per_register_tile = std::min(kernels.tile_pixels, row.rows_per_tile);

  const std::int64_t in_rows = (row.rows_per_tile - 1) * shape.stride_height + reach + 1;
  row.column_floats = round_up(columns * in_rows * shape.in_channels + lanes, lanes);
  row.transformed_step = round_up(row.patches_per_row * in_rows * shape.in_channels + lanes, lanes);
  row.product_step = row.rows_per_register_tile * block;

  row.fetch_output =
      exceeds_caches(caches, shape.batch * shape.out_height * shape.out_width * shape.out_channels);
  blocking.channels_per_block = block;
  blocking.padded_group_channels = round_up(shape.out_channels, lanes);
  plan->packed_filter_floats =
      row.products * shape.filter_height * shape.in_channels * blocking.padded_group_channels;
  plan->pack_tile_count = ceil_divide(blocking.padded_group_channels, block);
  plan->pack_filter_tile = functions.pack_filter_tile;
  plan->workspace_floats = row.products * (row.transformed_step + row.product_step) + row.column_floats;
  plan->tile_count = shape.batch * row.row_tiles;
  plan->run_tile = functions.tile;
}

}  // namespace varscope::simd
