// SPDX-License-Identifier: Apache-2.0
// The gradient of a convolution with regard to its filter (TensorFlow's Conv2DBackpropFilter), float32. With
// the names of conv2d.hpp, and out_backprop the gradient with regard to the convolution's output, laid out as
// that:
//
//   filter_backprop(r, s, c, k) = sum over n, y, x of out_backprop(n, y, x, k) *
//       input(n, y * stride_height + r * dilation_height - pad_top,
//                x * stride_width + s * dilation_width - pad_left, g * in_channels / groups + c)
//
// How to run one: plan_conv2d_backprop_filter() once per shape; then run tiles 0 .. tile_count - 1, in any
// order, by any threads, and after all of them sum tiles 0 .. sum_tile_count - 1, again in any order. The
// pixels of the batch are cut into chunks by shape alone and the sums of chunks are added in their order, so
// the bits of the result do not depend on threads.
#pragma once

#include <varscope/simd/conv2d.hpp>

#include <cstdint>

namespace varscope::simd {

struct Conv2DBackpropFilterArguments {
  const float* input = nullptr;
  const float* out_backprop = nullptr;
  float* filter_backprop = nullptr;  // overlaps nothing else here
  float* sums = nullptr;             // plan.sums_floats floats, the same for all tiles of a run
  float* workspace = nullptr;        // plan.workspace_floats floats for this tile alone, contents free
};

struct Conv2DBackpropFilterPlan;
using Conv2DBackpropFilterFunction = void (*)(const Conv2DBackpropFilterPlan& plan,
                                              const Conv2DBackpropFilterArguments& arguments,
                                              std::int64_t tile) noexcept;

// How the loops of one plan are cut. A block is the output channels of one register tile; a pass is some
// output rows of one image.
struct Conv2DBackpropFilterBlocking {
  std::int64_t channels_per_block = 0;     // output channels
  std::int64_t blocks_per_group = 0;       // blocks that cover out_channels / groups
  std::int64_t padded_group_channels = 0;  // out_channels / groups, filled up to whole registers
  std::int64_t blocks_per_tile = 0;
  std::int64_t block_tiles = 0;  // tiles that cover the blocks of one group
  std::int64_t filter_rows_per_tile = 0;
  std::int64_t filter_row_tiles = 0;
  std::int64_t rows_per_pass = 0;  // output rows
  std::int64_t row_passes = 0;     // passes that cover an image
  std::int64_t passes_per_chunk = 0;
  std::int64_t chunks = 0;             // chunks that cover the batch
  std::int64_t pixel_floats = 0;       // from one copied input pixel to the next
  std::int64_t columns = 0;            // input columns that a row of outputs reads
  bool copies_out_backprop = false;    // into whole registers, one block after the other
  std::int64_t rows_per_sum_tile = 0;  // of the filter's height * width * (in_channels / groups)
};

// How the loops of a Winograd plan are cut besides. A patch is some output pixels that one transform takes.
struct WinogradBackpropFilterBlocking {
  std::int64_t outputs_per_patch = 0;  // along one side: 2, 4 or 6
  std::int64_t products = 0;           // of one patch, one input and one output channel
  std::int64_t patch_rows = 0;         // patches of an image
  std::int64_t patch_columns = 0;
  std::int64_t patches_per_chunk = 0;       // patches of the whole batch are numbered in a row
  std::int64_t patches_per_group = 0;       // patches that are transformed before they are multiplied
  std::int64_t transformed_step = 0;        // floats from one product's transformed inputs to the next's
  std::int64_t transformed_patch_step = 0;  // and from one patch to the next
  std::int64_t gradient_step = 0;           // the same of the transformed out_backprop
  std::int64_t gradient_patch_step = 0;
};

struct Conv2DBackpropFilterPlan {
  const char* refusal = nullptr;  // why the wanted algorithm does not apply; the rest is then meaningless
  Conv2DShape shape;
  Conv2DAlgorithm algorithm = Conv2DAlgorithm::reference;
  Conv2DBackpropFilterBlocking blocking;
  WinogradBackpropFilterBlocking winograd;
  std::int64_t sums_floats = 0;
  std::int64_t workspace_floats = 0;
  std::int64_t tile_count = 0;
  std::int64_t sum_tile_count = 0;
  Conv2DBackpropFilterFunction run_tile = nullptr;
  Conv2DBackpropFilterFunction run_sum_tile = nullptr;
};

// Chooses algorithm and blocking for the filter's gradient of the convolution `shape`. A pure function of its
// arguments. `wanted` is automatic, direct, depthwise, a Winograd algorithm, or reference. (Winograd's
// rounding errors are those of conv2d.hpp, relative to sums over all pixels.)
Conv2DBackpropFilterPlan plan_conv2d_backprop_filter(const KernelSet& kernels, const Conv2DShape& shape,
                                                     Conv2DAlgorithm wanted, const CacheSizes& caches,
                                                     Conv2DAccuracy accuracy = Conv2DAccuracy::fast) noexcept;

struct WinogradBackpropFilterFunctions {
  Conv2DBackpropFilterFunction tile = nullptr;
  Conv2DBackpropFilterFunction sum_tile = nullptr;
};

// Winograd's tile functions by outputs of a patch and filter.
struct WinogradBackpropFilterKernels {
  WinogradBackpropFilterFunctions outputs_2x2_filter_3x3;
  WinogradBackpropFilterFunctions outputs_4x4_filter_3x3;
  WinogradBackpropFilterFunctions outputs_6x6_filter_3x3;
  WinogradBackpropFilterFunctions outputs_2x2_filter_5x5;
  WinogradBackpropFilterFunctions outputs_4x4_filter_5x5;
  WinogradBackpropFilterFunctions outputs_2x2_filter_7x7;
};

// The slots of a kernel set; callers use the plan's functions instead.
struct Conv2DBackpropFilterKernels {
  Conv2DBackpropFilterFunction direct_tile = nullptr;  // null in a set that has the reference alone
  Conv2DBackpropFilterFunction direct_sum_tile = nullptr;
  Conv2DBackpropFilterFunction depthwise_tile = nullptr;
  Conv2DBackpropFilterFunction depthwise_sum_tile = nullptr;
  WinogradBackpropFilterKernels winograd;
};

}  // namespace varscope::simd
