// SPDX-License-Identifier: Apache-2.0
// The filter's gradient by Winograd's minimal filtering: over one patch of out_backprop it is itself a
// correlation, whose "filter" is the patch and whose outputs are the filter's taps. So with the matrices of
// winograd_points.hpp, A for as many outputs as the filter has taps and G for a patch,
//
//   filter_backprop = A^T [ sum over patches of (B^T input B) * (G out_backprop G^T) ] A
//
// and the sum over patches is, for each of the products, a matrix product [input channels] x [patches] x
// [output channels]. A tile is a chunk of patches by a part of the output channels. It goes through its chunk
// in groups of patches, whose transforms stay in the second-level cache:
//
//   transformed[product][patch][input channel]
//   gradients[product][patch][output channel of the part]
//   sums[product][block][input channel][output channel of the block]     of the whole chunk
//
// The sum tiles add up the chunks and transform back.
#pragma once

#include "outer_product_tile.inl.hpp"
#include "winograd_transform.inl.hpp"

#include <varscope/simd/conv2d_backprop_filter.hpp>

namespace varscope::simd {
namespace {

template <typename Arch, int kAlpha, int kOutputs>
class WinogradBackpropFilterTile {
 public:
  WinogradBackpropFilterTile(const Conv2DBackpropFilterPlan& plan,
                             const Conv2DBackpropFilterArguments& arguments, std::int64_t tile) noexcept
      : shape_(plan.shape),
        blocking_(plan.blocking),
        winograd_(plan.winograd),
        arguments_(arguments),
        transformed_(arguments.workspace),
        gradients_(transformed_ + kProducts * winograd_.transformed_step),
        zeros_(gradients_ + kProducts * winograd_.gradient_step) {
    const std::int64_t chunk = tile / blocking_.block_tiles;
    const std::int64_t part = tile % blocking_.block_tiles;
    const std::int64_t patches = shape_.batch * winograd_.patch_rows * winograd_.patch_columns;
    first_patch_ = chunk * winograd_.patches_per_chunk;
    last_patch_ = smaller(first_patch_ + winograd_.patches_per_chunk, patches);
    first_block_ = part * blocking_.blocks_per_tile;
    last_block_ = smaller(first_block_ + blocking_.blocks_per_tile, blocking_.blocks_per_group);
    first_channel_ = first_block_ * blocking_.channels_per_block;
    channels_ = smaller(last_block_ * blocking_.channels_per_block, shape_.out_channels) - first_channel_;
    sums_ = arguments.sums + chunk * kProducts * shape_.in_channels * blocking_.padded_group_channels;
  }

  VARSCOPE_SIMD_INLINE void run() const noexcept {
    const std::int64_t zeros = larger(shape_.in_channels, shape_.out_channels);
    for (std::int64_t i = 0; i < zeros; ++i) zeros_[i] = 0.0f;
    for (std::int64_t first = first_patch_; first < last_patch_; first += winograd_.patches_per_group) {
      const std::int64_t patches = smaller(winograd_.patches_per_group, last_patch_ - first);
      for (std::int64_t i = 0; i < patches; ++i) transform_patch(first + i, i);
      multiply(patches, first == first_patch_);
    }
  }

 private:
  using Line = WinogradLine<kOutputs, kAlpha - kOutputs + 1, 1>;
  static constexpr int kProducts = kAlpha * kAlpha;
  static constexpr std::int64_t kLaneCount = kLanes<Arch>;

  VARSCOPE_SIMD_INLINE void transform_patch(std::int64_t number, std::int64_t patch) const noexcept {
    const std::int64_t patch_row = number / winograd_.patch_columns;
    const std::int64_t image = patch_row / winograd_.patch_rows;
    const std::int64_t out_y = patch_row % winograd_.patch_rows * kOutputs;
    const std::int64_t out_x = number % winograd_.patch_columns * kOutputs;
    const float* pixels[kProducts];
    find_pixels<kAlpha>(arguments_.input, image, out_y - shape_.pad_top, out_x - shape_.pad_left,
                        shape_.in_height, shape_.in_width, shape_.in_channels, pixels);
    // The last register overlaps the one before it where the channels are no multiple of its width.
    float* dst = transformed_ + patch * winograd_.transformed_patch_step;
    for (std::int64_t c = 0; c < shape_.in_channels; c += kLaneCount) {
      const std::int64_t channel = smaller(c, shape_.in_channels - kLaneCount);
      transform_input<Arch, Line, Line>(pixels, channel, dst + channel, winograd_.transformed_step);
    }
    const float* out_pixels[kOutputs * kOutputs];
    find_pixels<kOutputs>(arguments_.out_backprop, image, out_y, out_x, shape_.out_height, shape_.out_width,
                          shape_.out_channels, out_pixels);
    dst = gradients_ + patch * winograd_.gradient_patch_step;
    std::int64_t k = 0;
    for (; k + kLaneCount <= channels_; k += kLaneCount) {
      transform_filter<Arch, kAlpha, kOutputs>(
          [&](int i) VARSCOPE_SIMD_LAMBDA { return load<Arch>(out_pixels[i] + first_channel_ + k); }, dst + k,
          winograd_.gradient_step);
    }
    if (k < channels_) {
      const std::int64_t rest = channels_ - k;
      transform_filter<Arch, kAlpha, kOutputs>(
          [&](int i) VARSCOPE_SIMD_LAMBDA {
            return load_partial<Arch>(out_pixels[i] + first_channel_ + k, rest, 0.0f);
          },
          dst + k, winograd_.gradient_step);
    }
  }

  // The pixels of a square of an image from (top, left) on; those outside of it are zeros.
  template <int kSide>
  VARSCOPE_SIMD_INLINE void find_pixels(const float* images, std::int64_t image, std::int64_t top,
                                        std::int64_t left, std::int64_t height, std::int64_t width,
                                        std::int64_t channels, const float** pixels) const noexcept {
    for (std::int64_t i = 0; i < kSide; ++i) {
      const std::int64_t y = top + i;
      const float* row = images + (image * height + y) * width * channels;
      for (std::int64_t j = 0; j < kSide; ++j) {
        const std::int64_t x = left + j;
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        pixels[i * kSide + j] = inside ? row + x * channels : zeros_;
      }
    }
  }

  VARSCOPE_SIMD_INLINE void multiply(std::int64_t patches, bool first_pass) const noexcept {
    const std::int64_t in_channels = shape_.in_channels;
    const std::int64_t tiles = (in_channels + kTilePixels<Arch> - 1) / kTilePixels<Arch>;
    for (int product = 0; product < kProducts; ++product) {
      OuterProductInput in = {.a = nullptr,
                              .a_row_step = 0,
                              .a_column_step = winograd_.transformed_patch_step,
                              .b = nullptr,
                              .b_row_step = 0,
                              .b_column_step = winograd_.gradient_patch_step,
                              .rows = 1,
                              .columns = patches};
      const float* transformed = transformed_ + product * winograd_.transformed_step;
      for (std::int64_t block = first_block_; block < last_block_; ++block) {
        const std::int64_t channel = block * blocking_.channels_per_block;
        const std::int64_t width =
            smaller(blocking_.channels_per_block, blocking_.padded_group_channels - channel);
        in.b = gradients_ + product * winograd_.gradient_step + channel - first_channel_;
        float* const sums = sums_ + in_channels * (product * blocking_.padded_group_channels + channel);
        for (std::int64_t tile = 0; tile < tiles; ++tile) {
          const std::int64_t first = tile * in_channels / tiles;
          const std::int64_t count = (tile + 1) * in_channels / tiles - first;
          in.a = transformed + first;
          outer_product_tile<Arch>(count, width / kLaneCount)(
              in, {.sums = sums + first * width, .step = width, .first_pass = first_pass});
        }
      }
    }
  }

  const Conv2DShape& shape_;
  const Conv2DBackpropFilterBlocking& blocking_;
  const WinogradBackpropFilterBlocking& winograd_;
  const Conv2DBackpropFilterArguments& arguments_;
  float* const transformed_;
  float* const gradients_;
  float* const zeros_;  // one pixel
  float* sums_;
  std::int64_t first_patch_;
  std::int64_t last_patch_;
  std::int64_t first_block_;
  std::int64_t last_block_;
  std::int64_t first_channel_;  // of the output
  std::int64_t channels_;
};

template <typename Arch, int kAlpha, int kOutputs>
void conv2d_backprop_filter_winograd_tile(const Conv2DBackpropFilterPlan& plan,
                                          const Conv2DBackpropFilterArguments& arguments,
                                          std::int64_t tile) noexcept {
  WinogradBackpropFilterTile<Arch, kAlpha, kOutputs>(plan, arguments, tile).run();
}

// Some input channels: the sums of all chunks, in their order, in place of the first's, and A^T sums A.
template <typename Arch, int kAlpha, int kFilter>
void conv2d_backprop_filter_winograd_sum_tile(const Conv2DBackpropFilterPlan& plan,
                                              const Conv2DBackpropFilterArguments& arguments,
                                              std::int64_t tile) noexcept {
  using Line = WinogradLine<kFilter, kAlpha - kFilter + 1, 1>;
  constexpr std::int64_t lanes = kLanes<Arch>;
  constexpr int kProducts = kAlpha * kAlpha;
  const Conv2DShape& shape = plan.shape;
  const Conv2DBackpropFilterBlocking& blocking = plan.blocking;
  const std::int64_t product_step = shape.in_channels * blocking.padded_group_channels;
  const std::int64_t first = tile * blocking.rows_per_sum_tile;
  const std::int64_t last = smaller(first + blocking.rows_per_sum_tile, shape.in_channels);
  for (std::int64_t block = 0; block < blocking.blocks_per_group; ++block) {
    const std::int64_t first_channel = block * blocking.channels_per_block;
    const std::int64_t width =
        smaller(blocking.channels_per_block, blocking.padded_group_channels - first_channel);
    float* const sums = arguments.sums + shape.in_channels * first_channel;
    for (int product = 0; product < kProducts; ++product) {
      float* of_product = sums + product * product_step;
      for (std::int64_t i = first * width; i < last * width; i += lanes) {
        Floats<Arch> sum = load<Arch>(of_product + i);
        for (std::int64_t chunk = 1; chunk < blocking.chunks; ++chunk)
          sum = sum + load<Arch>(of_product + i + chunk * kProducts * product_step);
        store<Arch>(of_product + i, sum);
      }
    }
    for (std::int64_t c = first; c < last; ++c) {
      for (std::int64_t k = 0; k < width; k += lanes) {
        const std::int64_t channel = first_channel + k;
        const std::int64_t count = smaller(lanes, shape.out_channels - channel);
        float* const dst = arguments.filter_backprop + c * shape.out_channels + channel;
        const std::int64_t position_step = shape.in_channels * shape.out_channels;
        transform_output<Arch, Line, Line>(sums + c * width + k, product_step,
                                           [&](int r, Registers<Arch, kFilter> row) VARSCOPE_SIMD_LAMBDA {
                                             unroll<kFilter>([&](auto s) VARSCOPE_SIMD_LAMBDA {
                                               float* position = dst + (r * kFilter + s) * position_step;
                                               if (count == lanes) {
                                                 store<Arch>(position, row.values[s]);
                                               } else {
                                                 store_partial<Arch>(position, row.values[s], count);
                                               }
                                             });
                                           });
      }
    }
  }
}

template <typename Arch, int kAlpha, int kOutputs>
constexpr WinogradBackpropFilterFunctions winograd_backprop_filter_functions() noexcept {
  return {.tile = &conv2d_backprop_filter_winograd_tile<Arch, kAlpha, kOutputs>,
          .sum_tile = &conv2d_backprop_filter_winograd_sum_tile<Arch, kAlpha, kAlpha - kOutputs + 1>};
}

template <typename Arch>
constexpr WinogradBackpropFilterKernels winograd_backprop_filter_kernels() noexcept {
  return {.outputs_2x2_filter_3x3 = winograd_backprop_filter_functions<Arch, 4, 2>(),
          .outputs_4x4_filter_3x3 = winograd_backprop_filter_functions<Arch, 6, 4>(),
          .outputs_6x6_filter_3x3 = winograd_backprop_filter_functions<Arch, 8, 6>(),
          .outputs_2x2_filter_5x5 = winograd_backprop_filter_functions<Arch, 6, 2>(),
          .outputs_4x4_filter_5x5 = winograd_backprop_filter_functions<Arch, 8, 4>(),
          .outputs_2x2_filter_7x7 = winograd_backprop_filter_functions<Arch, 8, 2>()};
}

}  // namespace
}  // namespace varscope::simd
