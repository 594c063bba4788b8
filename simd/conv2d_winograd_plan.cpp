// SPDX-License-Identifier: Apache-2.0
#include "conv2d_winograd_plan.hpp"

#include "tiling.hpp"

#include <algorithm>
#include <utility>

namespace varscope::simd {

namespace {

// One line of floats between the products' arrays: without it, arrays of a power of two would compete for
// the same places of the cache.
constexpr std::int64_t kStepPadding = 16;

// A filter with one column is one with one row, of an image whose rows and columns are exchanged.
bool has_one_column(const Conv2DShape& shape) noexcept {
  return shape.filter_width == 1 && shape.filter_height > 1;
}

// The shape whose filter has more than one column.
Conv2DShape along_rows(Conv2DShape shape) noexcept {
  if (has_one_column(shape)) {
    std::swap(shape.in_height, shape.in_width);
    std::swap(shape.out_height, shape.out_width);
    std::swap(shape.filter_height, shape.filter_width);
    std::swap(shape.stride_height, shape.stride_width);
    std::swap(shape.dilation_height, shape.dilation_width);
    std::swap(shape.pad_top, shape.pad_left);
  }
  if (shape.filter_height == 1) shape.dilation_height = 1;
  return shape;
}

// Functions, and the segments of as many taps as theirs that cover the filter.
struct SegmentedFunctions {
  WinogradFunctions functions;
  std::int64_t products = 0;  // of one segment
  std::int64_t segment_rows = 0;
  std::int64_t segment_columns = 0;
};

SegmentedFunctions segmented(const WinogradFunctions& functions, const Conv2DShape& shape) noexcept {
  const std::int64_t height = (functions.patch_height - 1) * functions.stride + functions.filter_height;
  const std::int64_t width = (functions.patch_width - 1) * functions.stride + functions.filter_width;
  return {.functions = functions,
          .products = height * width,
          .segment_rows = ceil_divide(shape.filter_height, functions.filter_height),
          .segment_columns = ceil_divide(shape.filter_width, functions.filter_width)};
}

// Those that take the fewest products of all for such a filter; none if they would not be fewer than those of
// the convolution itself.
SegmentedFunctions functions_of(const WinogradKernels& kernels, std::int64_t outputs,
                                const Conv2DShape& shape) noexcept {
  constexpr std::int64_t kMostSegments = 16;  // the transformed inputs of all exist at one time
  SegmentedFunctions best;
  std::int64_t fewest = 0;
  for (const WinogradFunctions& functions : kernels.functions) {
    const bool one_row = functions.filter_height == 1;
    if (functions.patch_width != outputs || one_row != (shape.filter_height == 1)) continue;
    if (functions.stride != shape.stride_width || (functions.stride != shape.stride_height && !one_row))
      continue;
    const SegmentedFunctions candidate = segmented(functions, shape);
    const std::int64_t segments = candidate.segment_rows * candidate.segment_columns;
    const std::int64_t products = candidate.products * segments;
    const std::int64_t own =
        functions.patch_height * functions.patch_width * shape.filter_height * shape.filter_width;
    if (segments > kMostSegments || products >= own) continue;
    if (best.products == 0 || products < fewest) {
      best = candidate;
      fewest = products;
    }
  }
  return best;
}

// Groups that are a part: the fewest whose output channels fill registers, and whose inputs a register. None
// if no number of them does.
std::int64_t groups_of_part(const Conv2DShape& shape, std::int64_t lanes) noexcept {
  const std::int64_t inputs = shape.in_channels / shape.groups;
  const std::int64_t outputs = shape.out_channels / shape.groups;
  constexpr std::int64_t kFewestInputs = 4;
  if (inputs < kFewestInputs) return 0;
  for (std::int64_t groups = 1; groups <= std::min(shape.groups, lanes); ++groups) {
    const bool fills = groups * outputs % lanes == 0 && groups * inputs >= lanes;
    if (shape.groups % groups == 0 && fills) return groups;
  }
  return 0;
}

// How many register tiles of patches a tile has. Its transformed inputs and products should stay in the
// second-level cache; but a filter that does not fit there is read by each tile from farther away, which
// costs more than reading the transformed inputs from there.
std::int64_t register_tiles_per_tile(const KernelSet& kernels, const CacheSizes& caches,
                                     const Conv2DPlan& plan) noexcept {
  constexpr std::int64_t kFewest = 2;
  constexpr std::int64_t kMost = 4;
  constexpr std::int64_t kForLargeFilters = 6;
  // From so many products on neither fits; with fewer patches the filter is read too often (measured: 2
  // register tiles take up to 1.4 times as long with AVX2).
  constexpr std::int64_t kManyProducts = 81;
  constexpr std::int64_t kPatchesOfManyProducts = 30;
  const Conv2DShape& shape = plan.shape;
  const WinogradBlocking& winograd = plan.winograd;
  const std::int64_t filter_bytes =
      winograd.products * winograd.terms_per_part * shape.out_channels * kFloatBytes;
  if (winograd.products >= kManyProducts) return ceil_divide(kPatchesOfManyProducts, kernels.tile_pixels);
  if (filter_bytes > 2 * caches.level2) return kForLargeFilters;
  const std::int64_t bytes_per_patch =
      winograd.products * (winograd.terms_per_part + winograd.channels_per_group) * kFloatBytes;
  return std::clamp(caches.level2 * 5 / 8 / bytes_per_patch / kernels.tile_pixels, kFewest, kMost);
}

// Where the patches are few, parts of the output channels are tiles of their own. Each transforms the inputs
// again, so they are not too small.
void cut_channels(std::int64_t patches, std::int64_t padded_channels, WinogradBlocking* winograd) noexcept {
  constexpr std::int64_t kFewestChannelsOfPart = 128;
  const std::int64_t groups = ceil_divide(padded_channels, winograd->channels_per_group);
  const std::int64_t most_parts = std::max<std::int64_t>(padded_channels / kFewestChannelsOfPart, 1);
  std::int64_t wanted_parts = std::clamp<std::int64_t>(kManyTiles / winograd->patch_tiles, 1, most_parts);
  if (winograd->patch_tiles * wanted_parts == 1) wanted_parts = 2;  // or a second thread would have nothing
  std::int64_t groups_per_part = groups;
  std::int64_t parts = 1;
  cut_evenly(groups, ceil_divide(groups, wanted_parts), &groups_per_part, &parts);
  // One of two threads would have nothing to do, or half as much as the other: halves of the patches instead.
  constexpr std::int64_t kFewestPatches = 8;
  constexpr std::int64_t kFewParts = 8;
  const bool uneven = parts % 2 == 1 || parts * groups_per_part != groups;
  if (winograd->patch_tiles == 1 && parts < kFewParts && uneven && patches >= kFewestPatches) {
    winograd->patches_per_tile = ceil_divide(patches, 2);
    winograd->patch_tiles = 2;
    groups_per_part = groups;
    parts = 1;
  }
  winograd->channels_per_part = groups_per_part * winograd->channels_per_group;
  winograd->channel_parts = parts;
}

}  // namespace

std::int64_t winograd_outputs(Conv2DAlgorithm algorithm) noexcept {
  return algorithm == Conv2DAlgorithm::winograd_2x2 ? 2 : algorithm == Conv2DAlgorithm::winograd_4x4 ? 4 : 6;
}

const char* refusal_of_winograd(const KernelSet& kernels, const Conv2DShape& image_shape,
                                Conv2DAlgorithm algorithm) noexcept {
  const Conv2DShape shape = along_rows(image_shape);
  if (kernels.conv2d.winograd.functions[0].tile == nullptr)
    return "the kernel set has no Winograd convolution";
  const bool dilated = shape.dilation_height != 1 || shape.dilation_width != 1;
  if (dilated && shape.stride_width != 1) return "strided, Winograd needs dilation 1";
  if (shape.groups != 1 && groups_of_part(shape, kernels.vector_floats) == 0)
    return "Winograd needs groups of 4 input channels or more, some of which fill registers of outputs and "
           "of inputs";
  if (functions_of(kernels.conv2d.winograd, winograd_outputs(algorithm), shape).products == 0) {
    return "Winograd saves no products here: it takes strides of 1 or 2, the same in both directions, and "
           "filters of 2 taps or more; with stride 2 it has no 6x6 outputs, of one row or column no 2";
  }
  if (shape.in_channels < kernels.vector_floats)
    return "Winograd needs as many input channels as a register has floats";
  return nullptr;
}

void plan_winograd(const KernelSet& kernels, const CacheSizes& caches, Conv2DPlan* plan) noexcept {
  plan->winograd.exchanged = has_one_column(plan->shape);
  plan->shape = along_rows(plan->shape);
  const Conv2DShape& shape = plan->shape;
  WinogradBlocking& winograd = plan->winograd;
  const std::int64_t lanes = kernels.vector_floats;
  std::int64_t block = kernels.tile_vectors * lanes;
  winograd.inputs_per_part = shape.in_channels;
  const SegmentedFunctions segmented =
      functions_of(kernels.conv2d.winograd, winograd_outputs(plan->algorithm), shape);
  const WinogradFunctions& functions = segmented.functions;
  winograd.patch_height = functions.patch_height;
  winograd.patch_width = functions.patch_width;
  winograd.taps_height = functions.filter_height;
  winograd.taps_width = functions.filter_width;
  winograd.segment_rows = segmented.segment_rows;
  winograd.segment_columns = segmented.segment_columns;
  winograd.products = segmented.products;
  const auto cut_side = [](std::int64_t outputs, std::int64_t of_patch, std::int64_t dilation,
                           std::int64_t* per_first, std::int64_t* all) {
    *per_first = ceil_divide(ceil_divide(outputs, dilation), of_patch);
    *all = std::min(dilation, outputs) * *per_first;
  };
  cut_side(shape.out_height, winograd.patch_height, shape.dilation_height, &winograd.patch_rows_per_first,
           &winograd.patch_rows);
  cut_side(shape.out_width, winograd.patch_width, shape.dilation_width, &winograd.patch_columns_per_first,
           &winograd.patch_columns);
  const std::int64_t patches = shape.batch * winograd.patch_rows * winograd.patch_columns;
  const std::int64_t padded_channels = ceil_divide(shape.out_channels, lanes) * lanes;

  winograd.channels_per_group = std::min(2 * block, ceil_divide(padded_channels, block) * block);
  std::int64_t outputs_per_part = shape.out_channels;
  if (shape.groups > 1) {
    const std::int64_t parts = shape.groups / groups_of_part(shape, lanes);
    winograd.inputs_per_part = shape.in_channels / parts;
    outputs_per_part = shape.out_channels / parts;
    if (outputs_per_part % block != 0) block = lanes;
    winograd.channels_per_group = std::min(4 * lanes, outputs_per_part);
  }
  winograd.terms_per_part = winograd.inputs_per_part * winograd.segment_rows * winograd.segment_columns;
  const std::int64_t wanted = register_tiles_per_tile(kernels, caches, *plan) * kernels.tile_pixels;
  cut_for_threads(patches, wanted, kernels.tile_pixels, 1, &winograd.patches_per_tile, &winograd.patch_tiles);

  if (shape.groups > 1) {
    winograd.channels_per_part = outputs_per_part;
    winograd.channel_parts = shape.out_channels / outputs_per_part;
  } else {
    cut_channels(patches, padded_channels, &winograd);
  }
  winograd.patches_per_register_tile = std::min(kernels.tile_pixels, winograd.patches_per_tile);

  const std::int64_t fitting = filter_bytes_per_pass(caches) / (block * kFloatBytes);
  const std::int64_t chunk =
      std::clamp<std::int64_t>(fitting, 64, std::max<std::int64_t>(winograd.terms_per_part, 64));
  winograd.channels_per_chunk =
      ceil_divide(winograd.terms_per_part, ceil_divide(winograd.terms_per_part, chunk));

  winograd.blocks_per_pass = std::max<std::int64_t>(fitting / winograd.channels_per_chunk, 1);

  winograd.transformed_patch_step = winograd.terms_per_part;
  winograd.transformed_step = winograd.patches_per_tile * winograd.transformed_patch_step + kStepPadding;
  winograd.product_step = winograd.patches_per_tile * winograd.channels_per_group + kStepPadding;

  // Patches are written line by line, which no processor sees coming: worth a request wherever the output
  // does not stay in the second-level cache.
  winograd.fetch_output =
      shape.batch * shape.out_height * shape.out_width * shape.out_channels * kFloatBytes > caches.level2;

  plan->blocking.channels_per_block = block;
  plan->blocking.padded_group_channels = padded_channels;
  plan->packed_filter_floats = winograd.products * winograd.terms_per_part * padded_channels;
  plan->pack_tile_count = ceil_divide(padded_channels, block);
  plan->pack_filter_tile = functions.pack_filter_tile;
  plan->workspace_floats =
      winograd.products * (winograd.transformed_step + winograd.product_step) + winograd.inputs_per_part;
  plan->tile_count = winograd.patch_tiles * winograd.channel_parts;
  plan->run_tile = functions.tile;
}

}  // namespace varscope::simd
