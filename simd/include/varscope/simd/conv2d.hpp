// SPDX-License-Identifier: Apache-2.0
// Two-dimensional convolution (as TensorFlow means it: cross-correlation) of float32 images.
//
//   input   [batch, in_height, in_width, in_channels]                                  NHWC
//   filter  [filter_height, filter_width, in_channels / groups, out_channels]          HWIO
//   output  [batch, out_height, out_width, out_channels]                               NHWC
//
// With g the group of output channel k (k / (out_channels / groups)), and zero outside of the image:
//   sum(n, y, x, k) = sum over r, s, c of filter(r, s, c, k) *
//       input(n, y * stride_height + r * dilation_height - pad_top,
//                x * stride_width + s * dilation_width - pad_left, g * in_channels / groups + c)
//   output(n, y, x, k) = activation(sum(n, y, x, k) + bias(k) + residual(n, y, x, k))
// Direct and 1x1 sums start at bias and residual, depthwise and grouped ones at the bias; other algorithms
// add them in the end.
//
// How to run one: plan_conv2d() once per shape; pack the filter once per version of it (tiles 0 ..
// pack_tile_count - 1, in any order, by any thread); then for each input run tiles 0 .. tile_count - 1, in
// any order, by any threads. The bits of the output do not depend on order or threads.
#pragma once

#include <varscope/simd/activation.hpp>
#include <varscope/simd/cpu.hpp>
#include <varscope/simd/matmul.hpp>

#include <cstdint>
#include <string_view>

namespace varscope::simd {

struct KernelSet;

// Requires: every size positive, in_channels and out_channels multiples of groups, pads not negative. Pads
// below and to the right follow from the sizes. Windows may lie wholly outside of the image.
struct Conv2DShape {
  std::int64_t batch = 1;
  std::int64_t in_height = 1;
  std::int64_t in_width = 1;
  std::int64_t in_channels = 1;
  std::int64_t out_height = 1;
  std::int64_t out_width = 1;
  std::int64_t out_channels = 1;
  std::int64_t filter_height = 1;
  std::int64_t filter_width = 1;
  std::int64_t stride_height = 1;
  std::int64_t stride_width = 1;
  std::int64_t dilation_height = 1;
  std::int64_t dilation_width = 1;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
  std::int64_t groups = 1;
};

enum class Conv2DAlgorithm : unsigned char {
  automatic,     // a request only: the plan says what was chosen
  direct,        // a register tile of output pixels by output channels, over the image as it lies
  pointwise,     // filter 1x1, stride 1, no padding: a matrix product over all pixels
  depthwise,     // groups == in_channels: vectors run along the channels
  grouped,       // groups of 4, 8 or 16 channels, one or more in a register: the same
  winograd_2x2,  // Winograd's minimal filtering, 2x2, 4x4 or 6x6 outputs at a time: fewer products, larger
  winograd_4x4,  // rounding errors (see conv2d_error_factor); strides 1 and 2. Of a filter with one row, or
  winograd_6x6,  // column, 4 or 6 outputs of a row, or column; filters of other sizes are sums of these
  winograd_1x4,  // the same along rows only, 4 outputs beside each other at a time: for few input channels
  strassen,      // filter 1x1, no padding: a matrix product with 7 products of halves in place of 8
  reference,     // plain loops, sums in double
};

// "direct" and so on; "unknown" for a value that is no enumerator.
const char* conv2d_algorithm_name(Conv2DAlgorithm algorithm) noexcept;
// False, and *algorithm left alone, when no algorithm has that name.
bool find_conv2d_algorithm(std::string_view name, Conv2DAlgorithm* algorithm) noexcept;

struct Conv2DEpilogue {
  const float* bias = nullptr;      // [out_channels], or null for none
  const float* residual = nullptr;  // laid out as the output and not overlapping it, or null for none
  Activation activation = Activation::none;
};

struct Conv2DArguments {
  const float* input = nullptr;
  const float* packed_filter = nullptr;  // what the plan's pack_filter_tile made
  float* output = nullptr;               // overlaps nothing else here
  Conv2DEpilogue epilogue;
  float* workspace = nullptr;  // plan.workspace_floats floats for this tile alone, contents free
};

struct Conv2DPlan;
using Conv2DPackFunction = void (*)(const Conv2DPlan& plan, const float* filter, float* packed_filter,
                                    std::int64_t tile) noexcept;
using Conv2DTileFunction = void (*)(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                                    std::int64_t tile) noexcept;

// How the loops of one plan are cut; read by the tile functions. A block is the output channels of one
// register tile.
struct Conv2DBlocking {
  std::int64_t channels_per_block = 0;        // output channels
  std::int64_t blocks_per_group = 0;          // blocks that cover out_channels / groups
  std::int64_t padded_group_channels = 0;     // out_channels / groups, filled up to whole registers
  std::int64_t channels_per_chunk = 0;        // input channels summed in one pass over a tile
  std::int64_t filter_rows_per_pass = 0;      // filter rows summed in it
  std::int64_t pixels_per_register_tile = 0;  // at most
  std::int64_t rows_per_tile = 0;             // output rows
  std::int64_t row_tiles = 0;                 // tiles that cover them
  std::int64_t blocks_per_tile = 0;
  std::int64_t block_tiles = 0;      // tiles that cover the blocks of one group
  std::int64_t blocks_per_pass = 1;  // blocks of which all are summed for some pixels before the next ones
  bool edges_by_columns = false;     // columns outside of the image are left out; else zeros stand for them
  bool rows_innermost = false;       // neighbouring tiles differ in their rows, not in their blocks
  bool fetch_output = false;         // the output is too large for the caches
};

// How the loops of a depthwise plan, or of a grouped one, are cut. A strip is some neighbouring output
// pixels, and their rows from top to bottom; a block is the channels of a strip that are computed before
// those of the row below.
constexpr std::int64_t kDepthwisePixels[] = {14, 7, 4, 1};  // of a strip
constexpr std::int64_t kDepthwiseFilterRows = 8;            // of a filter, at most
constexpr int kGroupedFilterColumns = 3;                    // of a filter of a grouped plan
constexpr std::int64_t kDepthwiseCopiedRows = 8;            // that exist at one time
struct DepthwiseBlocking {
  std::int64_t pixels_per_strip = 0;    // none: the shape is computed without strips
  std::int64_t registers = 0;           // of output channels
  std::int64_t registers_per_unit = 1;  // of them in work at one time: 1, 2 or 3
  std::int64_t channels_per_block = 0;
  std::int64_t blocks = 0;
  std::int64_t blocks_per_tile = 0;
  std::int64_t block_tiles = 0;       // tiles that cover the blocks of some rows
  std::int64_t columns_per_tile = 0;  // of outputs: whole strips, or all
  std::int64_t column_tiles = 0;
  std::int64_t rows_per_tile = 0;  // of outputs
  std::int64_t row_tiles = 0;      // tiles that cover an image
  bool copied = false;             // a strip's inputs are copied to the workspace; else read where they lie
};

// How the loops of a Winograd plan are cut. A patch is the outputs that one transform gives: neighbours, or
// of a dilated filter those as far apart as its taps, which begin at each of so many first rows and columns.
struct WinogradBlocking {
  std::int64_t patch_height = 0;  // in outputs
  std::int64_t patch_width = 0;
  // The filter has one column. Rows and columns of the plan's shape are those of the image exchanged, so the
  // filter has one row there; the image lies as it does.
  bool exchanged = false;
  // The filter is cut into segments of so many taps, zeros beyond its end. Each has transformed inputs of its
  // own; the products sum those of all.
  std::int64_t taps_height = 0;
  std::int64_t taps_width = 0;
  std::int64_t segment_rows = 0;  // segments that cover the filter
  std::int64_t segment_columns = 0;
  std::int64_t products = 0;    // of one patch, one segment, one input and one output channel
  std::int64_t patch_rows = 0;  // patches of an image
  std::int64_t patch_columns = 0;
  std::int64_t patch_rows_per_first = 0;     // of them those that begin at one first row
  std::int64_t patch_columns_per_first = 0;  // and column
  std::int64_t patches_per_tile = 0;         // patches of the whole batch are numbered in a row
  std::int64_t patch_tiles = 0;
  std::int64_t patches_per_register_tile = 0;  // at most
  // Grouped: some neighbouring groups are a part. It sums all of their inputs, with zeros in the filter for
  // those of another group, so that the outputs fill registers.
  std::int64_t inputs_per_part = 0;     // input channels that the outputs of a part sum
  std::int64_t terms_per_part = 0;      // of all segments
  std::int64_t channels_per_chunk = 0;  // of these terms in one pass
  std::int64_t channels_per_part = 0;   // output channels of a tile
  std::int64_t channel_parts = 0;
  std::int64_t channels_per_group = 0;  // output channels whose products exist at one time
  std::int64_t blocks_per_pass = 1;     // blocks that are multiplied for some patches before the next ones
  std::int64_t transformed_step = 0;    // floats from one product's transformed inputs to the next's
  std::int64_t transformed_patch_step = 0;  // and from one patch to the next
  std::int64_t product_step = 0;            // the same of the products
  bool fetch_output = false;                // as Conv2DBlocking's
};

// How the loops of a plan of Winograd along rows are cut.
struct WinogradRowBlocking {
  std::int64_t outputs_per_patch = 0;  // beside each other
  std::int64_t products = 0;           // of one patch, one term and one output channel
  std::int64_t patches_per_row = 0;
  std::int64_t rows_per_tile = 0;           // output rows, at most
  std::int64_t row_tiles = 0;               // tiles that cover an image
  std::int64_t rows_per_register_tile = 0;  // at most
  std::int64_t rows_together = 1;           // 2: tiles and register tiles have pairs of rows
  std::int64_t column_floats = 0;           // of all columns of a tile's part of the image
  std::int64_t transformed_step = 0;        // floats from one product's transformed inputs to the next's
  std::int64_t product_step = 0;            // the same of the products
  bool fetch_output = false;                // as Conv2DBlocking's
};

// How the loops of a plan of Strassen's algorithm are cut. Halves of the pixels of an image are the even and
// the odd ones; a pair is one of each. Halves of the channels follow each other.
constexpr std::int64_t kStrassenProducts = 7;
constexpr std::int64_t kStrassenSums = 3;  // sums of a block that exist at one time
struct StrassenBlocking {
  std::int64_t half_depth = 0;     // input channels of the first half
  std::int64_t half_channels = 0;  // output channels of it
  std::int64_t channels_per_block = 0;
  std::int64_t block_count = 0;  // blocks that cover a half
  std::int64_t blocks_per_tile = 0;
  std::int64_t block_tiles = 0;
  std::int64_t pairs_per_tile = 0;
  std::int64_t pair_tiles = 0;               // tiles that cover the pairs of an image
  std::int64_t pairs_per_register_tile = 0;  // at most
  std::int64_t pixel_step = 0;               // floats from one row of a left factor to the next
  bool copied = false;        // A11, A12 and A22 are copied to the workspace; else read where they lie
  bool fetch_output = false;  // the output is too large for the caches
};

struct Conv2DPlan {
  const char* refusal = nullptr;  // why the wanted algorithm does not apply; the rest is then meaningless
  Conv2DShape shape;              // what the tile functions loop over: the caller's, or an equal simpler one
  Conv2DAlgorithm algorithm = Conv2DAlgorithm::reference;
  Conv2DBlocking blocking;  // of direct
  MatMulBlocking product;   // of pointwise
  DepthwiseBlocking depthwise;
  WinogradBlocking winograd;
  WinogradRowBlocking winograd_row;
  StrassenBlocking strassen;
  bool max_pooled = false;  // see fuse_max_pool()
  std::int64_t packed_filter_floats = 0;
  std::int64_t pack_tile_count = 0;
  std::int64_t workspace_floats = 0;
  std::int64_t tile_count = 0;
  Conv2DPackFunction pack_filter_tile = nullptr;
  Conv2DTileFunction run_tile = nullptr;
};

enum class Conv2DAccuracy : unsigned char {
  fast,    // any algorithm
  strict,  // none whose rounding errors are larger than those of the sum itself: no Winograd, no Strassen
};

// Chooses algorithm and blocking. A pure function of its arguments; plans may be kept, copied and shared by
// threads.
Conv2DPlan plan_conv2d(const KernelSet& kernels, const Conv2DShape& shape, Conv2DAlgorithm wanted,
                       const CacheSizes& caches, Conv2DAccuracy accuracy = Conv2DAccuracy::fast) noexcept;

// Makes the tiles of a plan store the maximum of each 2x2 block of outputs, as max pooling with windows and
// strides of 2 would (pooling.hpp, to the bit), in place of the outputs:
//   output  [batch, out_height / 2, out_width / 2, out_channels]
// Their arguments then have no residual. False, and the plan as it was, where it has no tiles that could:
// those of Winograd can, with patches of 2x2, 4x4, 6x6 or 1x4, without dilation, if both sizes of the output
// are even. A pure function, as plan_conv2d().
bool fuse_max_pool(Conv2DPlan* plan) noexcept;

// The accuracy contract, with eps = 2^-24 and the maximum and the sum over all that the output (n, y, x, k)
// reads:
//   |output - exact| <= conv2d_error_factor(plan) * eps *
//                       (max |input| * sum |filter(.., k)| + |bias(k)| + |residual(n, y, x, k)|)
// For direct sums the factor is the number of terms (N. Higham, "Accuracy and Stability of Numerical
// Algorithms", 2nd ed., section 3.1; rounding of products included); for Winograd it is larger by the norms
// of the transforms. Real errors are far smaller: docs/performance.md has what was measured.
//
// Of Winograd, an output reads what all outputs of its patch read, and the whole filter, also where that lies
// over padding. Patches are 2x2, 4x4 or 6x6 outputs, or 4 or 6 of a row or column, from row and column zero
// on; at the lower and right edge they are as large, although not all of their outputs exist. A filter that
// is cut into segments reads up to the end of the last one, where it has zeros. So large numbers, infinities
// and NaN disturb outputs around those whose own windows hold them.
//
// Of Strassen, an output reads what both pixels of its pair read (2i and 2i + 1, pixels of an image numbered
// in a row), and sum |filter| is that of two channels: k and the one strassen.half_channels before or after
// it.
double conv2d_error_factor(const Conv2DPlan& plan) noexcept;

// Winograd's functions for patches and filters of one size.
struct WinogradFunctions {
  std::int64_t patch_height = 0;  // in outputs
  std::int64_t patch_width = 0;
  std::int64_t filter_height = 0;  // taps; along rows only: any, and 0 here
  std::int64_t filter_width = 0;
  std::int64_t stride = 0;  // along rows; down columns too, unless the patch has one row: any then
  Conv2DPackFunction pack_filter_tile = nullptr;
  Conv2DTileFunction tile = nullptr;
};

struct WinogradKernels {
  WinogradFunctions functions[24];
};

struct WinogradRowKernels {
  WinogradFunctions functions[8];
};

// The slots of a kernel set; callers use the plan's functions instead.
struct Conv2DKernels {
  Conv2DTileFunction direct_tile = nullptr;  // these are null in a set that has the reference alone
  Conv2DTileFunction pointwise_tile = nullptr;
  Conv2DTileFunction depthwise_tile = nullptr;
  Conv2DTileFunction grouped_tile = nullptr;
  Conv2DTileFunction strassen_tile = nullptr;
  WinogradKernels winograd;
  WinogradRowKernels winograd_row;
};

}  // namespace varscope::simd
