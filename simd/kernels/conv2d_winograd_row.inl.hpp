// SPDX-License-Identifier: Apache-2.0
// Winograd convolution along rows only, for images of few channels: there the products of a patch in two
// directions would have so few terms that storing and transforming them would cost more than it saves. Here
// the filter's rows are terms of the products too. A patch is kOutputs outputs beside each other. A tile is
// some output rows of one image, in three steps:
//
//   columns[input column][input row][channel]           the image's part, column by column
//   transformed[product][patch][input row][channel]     B^T d of each patch's columns; rows and channels lie
//   in
//                                                       registers
//   for each patch, some output rows and a block of output channels:
//     products[product][output row][output channel]     sums over filter rows and input channels, which are
//                                                       one run of floats, as the register tile of the other
//                                                       algorithms; its pixels are below each other
//     output                                            A^T m, and the epilogue
//
// Pixels outside of the image are zeros in `columns`. The sums of an output element run over filter rows,
// then channels, whatever the tile: the same bits for any cut.
#pragma once

#include "register_tile.inl.hpp"
#include "winograd_filter.inl.hpp"
#include "winograd_output.inl.hpp"
#include "winograd_transform.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

template <typename Arch, typename Line>
class WinogradRowTile {
 public:
  WinogradRowTile(const Conv2DPlan& plan, const Conv2DArguments& arguments, std::int64_t tile) noexcept
      : shape_(plan.shape),
        blocking_(plan.winograd_row),
        arguments_(arguments),
        image_(tile / blocking_.row_tiles),
        first_row_(first_row_of(tile % blocking_.row_tiles)),
        rows_(first_row_of(tile % blocking_.row_tiles + 1) - first_row_),
        column_floats_(
            ((rows_ - 1) * shape_.stride_height + (shape_.filter_height - 1) * shape_.dilation_height + 1) *
            shape_.in_channels),
        transformed_(arguments.workspace),
        columns_(transformed_ + kAlpha * blocking_.transformed_step),
        products_(columns_ + blocking_.column_floats),
        pooled_(plan.max_pooled ? products_ + kAlpha * blocking_.product_step : nullptr) {}

  VARSCOPE_SIMD_INLINE void run() const noexcept {
    switch (shape_.in_channels) {
      case 1:
        copy_columns_of<1>();
        break;
      case 3:
        copy_columns_of<3>();
        break;
      default:
        copy_columns_of<0>();
        break;
    }
    for (std::int64_t patch = 0; patch < blocking_.patches_per_row; ++patch) transform_patch(patch);

    const std::int64_t block = kTileVectors * kLaneCount;
    const std::int64_t panels =
        (rows_ + blocking_.rows_per_register_tile - 1) / blocking_.rows_per_register_tile;
    for (std::int64_t patch = 0; patch < blocking_.patches_per_row; ++patch) {
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        const std::int64_t first = part_of(rows_, panel, panels);
        const std::int64_t last = part_of(rows_, panel + 1, panels);
        for (std::int64_t channel = 0; channel < shape_.out_channels; channel += block) {
          const std::int64_t channels = smaller(block, shape_.out_channels - channel);
          if (blocking_.fetch_output) {
            fetch_output_pixels(arguments_.output + output_index(patch, first) + channel, last - first,
                                shape_.out_width * shape_.out_channels,
                                smaller<std::int64_t>(kOutputs, shape_.out_width - patch * kOutputs),
                                shape_.out_channels, channels);
          }
          multiply(patch, first, last - first, channel, channels);
          finish(patch, first, last - first, channel, channels);
          if (pooled_ != nullptr || follows_stores(arguments_.epilogue.activation))
            finish_stored_rows(patch, first, last - first, channel, channels);
        }
      }
    }
  }

 private:
  static constexpr int kAlpha = Line::kAlpha;
  static constexpr int kOutputs = Line::kOutputs;
  static constexpr std::int64_t kPatchStep = kOutputs * Line::kStride;  // input columns
  static constexpr std::int64_t kLaneCount = kLanes<Arch>;

  // kChannels: as many as the image has, or 0 for any number.
  template <int kChannels>
  VARSCOPE_SIMD_INLINE void copy_columns_of() const noexcept {
    const std::int64_t channels = kChannels != 0 ? kChannels : shape_.in_channels;
    const std::int64_t rows = column_floats_ / channels;
    const std::int64_t top = first_row_ * shape_.stride_height - shape_.pad_top;
    const std::int64_t count = (blocking_.patches_per_row - 1) * kPatchStep + kAlpha;
    const std::int64_t first = smaller(shape_.pad_left, count);  // columns inside of the image
    const std::int64_t last = larger(first, smaller(count, shape_.pad_left + shape_.in_width));
    for (std::int64_t i = 0; i < first * column_floats_; ++i) columns_[i] = 0.0f;
    for (std::int64_t i = last * column_floats_; i < count * column_floats_; ++i) columns_[i] = 0.0f;
    for (std::int64_t row = 0; row < rows; ++row) {
      float* dst = columns_ + first * column_floats_ + row * channels;
      const std::int64_t y = top + row;
      if (y < 0 || y >= shape_.in_height) {
        for (std::int64_t x = first; x < last; ++x, dst += column_floats_) {
          for (std::int64_t c = 0; c < channels; ++c) dst[c] = 0.0f;
        }
        continue;
      }
      const float* src =
          arguments_.input +
          ((image_ * shape_.in_height + y) * shape_.in_width + first - shape_.pad_left) * channels;
      for (std::int64_t x = first; x < last; ++x, src += channels, dst += column_floats_) {
        for (std::int64_t c = 0; c < channels; ++c) dst[c] = src[c];
      }
    }
  }

  // The last register may run over the patch's end, into the next patch, which is written later.
  VARSCOPE_SIMD_INLINE void transform_patch(std::int64_t patch) const noexcept {
    const float* const src = columns_ + patch * kPatchStep * column_floats_;
    float* const dst = transformed_ + patch * column_floats_;
    for (std::int64_t i = 0; i < column_floats_; i += kLaneCount) {
      Registers<Arch, kAlpha> columns;
      unroll<kAlpha>([&](auto column) VARSCOPE_SIMD_LAMBDA {
        columns.values[column] = load<Arch>(src + column * column_floats_ + i);
      });
      columns = transform_inputs<Arch, Line>(columns);
      unroll<kAlpha>([&](auto product) VARSCOPE_SIMD_LAMBDA {
        store<Arch>(dst + product * blocking_.transformed_step + i, columns.values[product]);
      });
    }
  }

  // Tiles are of nearly equal size.
  VARSCOPE_SIMD_INLINE std::int64_t first_row_of(std::int64_t row_tile) const noexcept {
    return part_of(shape_.out_height, row_tile, blocking_.row_tiles);
  }

  // Where part `number` of `parts` of some rows begins.
  VARSCOPE_SIMD_INLINE std::int64_t part_of(std::int64_t rows, std::int64_t number,
                                            std::int64_t parts) const noexcept {
    return number * (rows / blocking_.rows_together) / parts * blocking_.rows_together;
  }

  // Where the patch's first output of the tile's row `row` lies.
  VARSCOPE_SIMD_INLINE std::int64_t output_index(std::int64_t patch, std::int64_t row) const noexcept {
    const std::int64_t y = image_ * shape_.out_height + first_row_ + row;
    return (y * shape_.out_width + patch * kOutputs) * shape_.out_channels;
  }

  VARSCOPE_SIMD_INLINE void multiply(std::int64_t patch, std::int64_t first_row, std::int64_t rows,
                                     std::int64_t channel, std::int64_t channels) const noexcept {
    const std::int64_t vectors = (channels + kLaneCount - 1) / kLaneCount;
    const std::int64_t width = vectors * kLaneCount;
    const std::int64_t terms = shape_.filter_height * shape_.in_channels;
    const bool joined = shape_.dilation_height == 1;
    // A panel for each product.
    register_tile<Arch>(rows, vectors)(
        {.pixels =
             transformed_ + patch * column_floats_ + first_row * shape_.stride_height * shape_.in_channels,
         .pixel_step = shape_.stride_height * shape_.in_channels,
         .column_step = shape_.dilation_height * shape_.in_channels,
         .columns = joined ? 1 : shape_.filter_height,
         .channels = joined ? terms : shape_.in_channels,
         .filter = arguments_.packed_filter + channel * kAlpha * terms,
         .panels = kAlpha,
         .panel_step = blocking_.transformed_step,
         .panel_filter_step = terms * width},
        {.pixels = products_, .pixel_step = width, .panel_step = blocking_.product_step, .channels = width});
  }

  VARSCOPE_SIMD_INLINE void finish(std::int64_t patch, std::int64_t first_row, std::int64_t rows,
                                   std::int64_t channel, std::int64_t channels) const noexcept {
    std::int64_t c = 0;
    for (; c + kLaneCount <= channels; c += kLaneCount) {
      finish_register<true>(patch, first_row, rows, channel, channels, c);
    }
    if (c < channels) finish_register<false>(patch, first_row, rows, channel, channels, c);
  }

  // Where the outputs of a patch in some rows go.
  VARSCOPE_SIMD_INLINE OutputSteps steps_of(std::int64_t patch, std::int64_t first_row, std::int64_t channel,
                                            std::int64_t channels) const noexcept {
    if (pooled_ == nullptr) {
      return {.first = arguments_.output + output_index(patch, first_row) + channel,
              .row = shape_.out_width * shape_.out_channels,
              .pixel = shape_.out_channels};
    }
    const std::int64_t width = whole_registers(channels);
    return {.first = pooled_, .row = kOutputs * width, .pixel = width};
  }

  static VARSCOPE_SIMD_INLINE std::int64_t whole_registers(std::int64_t channels) noexcept {
    return (channels + kLaneCount - 1) / kLaneCount * kLaneCount;
  }

  // The channels from channel + register_channel on.
  template <bool kWhole>
  VARSCOPE_SIMD_INLINE void finish_register(std::int64_t patch, std::int64_t first_row, std::int64_t rows,
                                            std::int64_t channel, std::int64_t channels,
                                            std::int64_t register_channel) const noexcept {
    const OutputSteps to = steps_of(patch, first_row, channel, channels);
    const std::int64_t first_channel = channel + register_channel;
    const WinogradOutput<Arch, kWhole> output(arguments_.epilogue, to.pixel, first_channel,
                                              kWhole ? kLaneCount : channels - register_channel);
    const std::int64_t width = whole_registers(channels);
    const std::int64_t columns = shape_.out_width - patch * kOutputs;
    float* dst = to.first + register_channel;
    std::int64_t index = output_index(patch, first_row) + first_channel;
    const float* src = products_ + register_channel;
    for (std::int64_t row = 0; row < rows; ++row, src += width, dst += to.row, index += to.row) {
      Registers<Arch, kAlpha> products;
      unroll<kAlpha>([&](auto i) VARSCOPE_SIMD_LAMBDA {
        products.values[i] = load<Arch>(src + i * blocking_.product_step);
      });
      output.finish(transform_outputs<Arch, Line>(products), dst, index, columns);
    }
  }

  VARSCOPE_SIMD_INLINE void finish_stored_rows(std::int64_t patch, std::int64_t first_row, std::int64_t rows,
                                               std::int64_t channel, std::int64_t channels) const noexcept {
    const std::int64_t x = patch * kOutputs;
    OutputSteps pooled;
    if (pooled_ != nullptr) {
      pooled = pooled_steps(shape_, arguments_.output, image_ * shape_.out_height + first_row_ + first_row, x,
                            channel);
    }
    finish_stored<Arch>(arguments_.epilogue.activation, steps_of(patch, first_row, channel, channels), rows,
                        smaller<std::int64_t>(kOutputs, shape_.out_width - x), channels, pooled);
  }

  const Conv2DShape& shape_;
  const WinogradRowBlocking& blocking_;
  const Conv2DArguments& arguments_;
  const std::int64_t image_;
  const std::int64_t first_row_;  // of the output
  const std::int64_t rows_;
  const std::int64_t column_floats_;  // of one column of the tile's part of the image
  float* const transformed_;
  float* const columns_;
  float* const products_;
  float* const pooled_;  // a register tile's outputs, if they are pooled
};

template <typename Arch, typename Line>
void conv2d_winograd_row_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                              std::int64_t tile) noexcept {
  WinogradRowTile<Arch, Line>(plan, arguments, tile).run();
}

template <typename Arch, int kTaps, int kStride>
constexpr WinogradFunctions winograd_row_functions() noexcept {
  using Line = WinogradLine<4, kTaps, kStride>;
  return {.patch_height = 1,
          .patch_width = Line::kOutputs,
          .filter_width = kTaps,
          .stride = kStride,
          .pack_filter_tile = &pack_winograd_row_filter_tile<Line>,
          .tile = &conv2d_winograd_row_tile<Arch, Line>};
}

template <typename Arch>
constexpr WinogradRowKernels winograd_row_kernels() noexcept {
  return {.functions = {winograd_row_functions<Arch, 3, 1>(), winograd_row_functions<Arch, 5, 1>(),
                        winograd_row_functions<Arch, 7, 1>(), winograd_row_functions<Arch, 4, 2>(),
                        winograd_row_functions<Arch, 6, 2>(), winograd_row_functions<Arch, 3, 2>(),
                        winograd_row_functions<Arch, 5, 2>(), winograd_row_functions<Arch, 7, 2>()}};
}

}  // namespace
}  // namespace varscope::simd
