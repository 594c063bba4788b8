// SPDX-License-Identifier: Apache-2.0
// Winograd convolution. A tile is a block of patches (some rows by some columns of output pixels each, over
// all images of the batch) by a part of the output channels. The pixels of a dilated filter's patch are as
// far apart as its taps: each such set of pixels is a convolution without dilation. It runs in three steps,
// whose intermediate results stay in the second-level cache:
//
//   transformed[product][patch][term]               B^T d B of each patch
//   products[product][patch][output channel]        for each product a matrix product with the filter, as
//                                                   the register tile of the other algorithms; a group of
//                                                   output channels at a time
//   output                                          A^T m A, and the epilogue
//
// A filter of another size than what has a transform is cut into segments, and so is the sum: a term is an
// input channel of one segment.
//
// Of a filter with one row a patch is one row too, and is transformed along it alone. One with one column is
// the same, of an image whose rows and columns are exchanged: it is read and written as it lies.
//
// Pixels outside of the image are read from a row of zeros; outputs outside are not stored. The sums of an
// output element run over the terms in order, whatever the blocks: the same bits for any cut.
#pragma once

#include "register_tile.inl.hpp"
#include "winograd_filter.inl.hpp"
#include "winograd_output.inl.hpp"
#include "winograd_transform.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

// Down: the line of a patch's columns; Along: that of its rows.
template <typename Arch, typename Down, typename Along>
class WinogradTile {
 public:
  WinogradTile(const Conv2DPlan& plan, const Conv2DArguments& arguments, std::int64_t tile) noexcept
      : shape_(plan.shape),
        blocking_(plan.winograd),
        arguments_(arguments),
        channels_per_block_(plan.blocking.channels_per_block),
        transformed_(arguments.workspace),
        products_(transformed_ + kProducts * blocking_.transformed_step),
        zeros_(products_ + kProducts * blocking_.product_step),
        pooled_(plan.max_pooled ? zeros_ + blocking_.inputs_per_part : nullptr),
        input_steps_(steps(shape_.in_height, shape_.in_width, shape_.in_channels)),
        output_steps_(steps(shape_.out_height, shape_.out_width, shape_.out_channels)) {
    const std::int64_t patches = shape_.batch * blocking_.patch_rows * blocking_.patch_columns;
    first_patch_ = tile / blocking_.channel_parts * blocking_.patches_per_tile;
    patches_ = smaller(blocking_.patches_per_tile, patches - first_patch_);
    const std::int64_t part = tile % blocking_.channel_parts;
    first_channel_ = part * blocking_.channels_per_part;
    first_input_ = shape_.groups == 1 ? 0 : part * blocking_.inputs_per_part;
    last_channel_ = smaller(first_channel_ + blocking_.channels_per_part, shape_.out_channels);
  }

  VARSCOPE_SIMD_INLINE void run() const noexcept {
    for (std::int64_t c = 0; c < blocking_.inputs_per_part; ++c) zeros_[c] = 0.0f;
    for (std::int64_t i = 0; i < patches_; ++i) transform_patch(i);
    for (std::int64_t channel = first_channel_; channel < last_channel_;
         channel += blocking_.channels_per_group) {
      const std::int64_t channels = smaller(blocking_.channels_per_group, last_channel_ - channel);
      multiply(channel, channels);
      if (blocking_.fetch_output) fetch_patch(0, channel, channels);
      for (std::int64_t i = 0; i < patches_; ++i) {
        if (blocking_.fetch_output && i + 1 < patches_) fetch_patch(i + 1, channel, channels);
        finish_patch(i, channel, channels);
        if (pooled_ != nullptr || follows_stores(arguments_.epilogue.activation))
          finish_stored_patch(i, channel, channels);
      }
    }
  }

 private:
  static constexpr int kProducts = Down::kAlpha * Along::kAlpha;
  static constexpr std::int64_t kLaneCount = kLanes<Arch>;

  // Floats from one row, and from one pixel of a row, to the next.
  struct Steps {
    std::int64_t row;
    std::int64_t column;
  };

  VARSCOPE_SIMD_INLINE Steps steps(std::int64_t height, std::int64_t width,
                                   std::int64_t channels) const noexcept {
    if (blocking_.exchanged) return {.row = channels, .column = height * channels};
    return {.row = width * channels, .column = channels};
  }

  struct PatchPlace {
    std::int64_t image;
    std::int64_t y;  // of the first output pixel
    std::int64_t x;
  };

  VARSCOPE_SIMD_INLINE PatchPlace place(std::int64_t patch) const noexcept {
    const std::int64_t number = first_patch_ + patch;
    const std::int64_t row = number / blocking_.patch_columns;
    return {.image = row / blocking_.patch_rows,
            .y = first_output(row % blocking_.patch_rows, blocking_.patch_rows_per_first, Down::kOutputs,
                              shape_.dilation_height),
            .x = first_output(number % blocking_.patch_columns, blocking_.patch_columns_per_first,
                              Along::kOutputs, shape_.dilation_width)};
  }

  static VARSCOPE_SIMD_INLINE std::int64_t first_output(std::int64_t patch, std::int64_t per_first,
                                                        std::int64_t outputs,
                                                        std::int64_t dilation) noexcept {
    if (dilation == 1) return patch * outputs;
    return patch / per_first + patch % per_first * outputs * dilation;
  }

  VARSCOPE_SIMD_INLINE void transform_patch(std::int64_t patch) const noexcept {
    const PatchPlace at = place(patch);
    const std::int64_t y = at.y * shape_.stride_height - shape_.pad_top;
    const std::int64_t x = at.x * Along::kStride - shape_.pad_left;
    float* dst = transformed_ + patch * blocking_.transformed_patch_step;
    for (std::int64_t row = 0; row < blocking_.segment_rows; ++row) {
      for (std::int64_t column = 0; column < blocking_.segment_columns; ++column) {
        transform_segment(at.image, y + row * Down::kTaps * shape_.dilation_height,
                          x + column * Along::kTaps * shape_.dilation_width, dst);
        dst += blocking_.inputs_per_part;
      }
    }
  }

  // Of the pixels from (top, left) on.
  VARSCOPE_SIMD_INLINE void transform_segment(std::int64_t image_number, std::int64_t top, std::int64_t left,
                                              float* dst) const noexcept {
    const float* pixels[kProducts];
    const float* image =
        arguments_.input + image_number * shape_.in_height * shape_.in_width * shape_.in_channels;
    for (int i = 0; i < Down::kAlpha; ++i) {
      const std::int64_t y = top + i * shape_.dilation_height;
      for (int j = 0; j < Along::kAlpha; ++j) {
        const std::int64_t x = left + j * shape_.dilation_width;
        const bool inside = y >= 0 && y < shape_.in_height && x >= 0 && x < shape_.in_width;
        pixels[i * Along::kAlpha + j] =
            inside ? image + y * input_steps_.row + x * input_steps_.column + first_input_ : zeros_;
      }
    }
    // The last register overlaps the one before it where the channels are no multiple of its width.
    for (std::int64_t c = 0; c < blocking_.inputs_per_part; c += kLaneCount) {
      const std::int64_t channel = smaller(c, blocking_.inputs_per_part - kLaneCount);
      transform_input<Arch, Down, Along>(pixels, channel, dst + channel, blocking_.transformed_step);
    }
  }

  // The filter's part of some blocks and one chunk of input channels stays in the first-level cache while all
  // patches pass.
  VARSCOPE_SIMD_INLINE void multiply(std::int64_t first_channel, std::int64_t channels) const noexcept {
    const std::int64_t pass = blocking_.blocks_per_pass * channels_per_block_;
    for (int product = 0; product < kProducts; ++product) {
      for (std::int64_t first = 0; first < blocking_.terms_per_part; first += blocking_.channels_per_chunk) {
        for (std::int64_t block = 0; block < channels; block += pass) {
          multiply_blocks(product, first, first_channel, block, smaller(block + pass, channels));
        }
      }
    }
  }

  // Of the output channels from group_channel on: first to last.
  VARSCOPE_SIMD_INLINE void multiply_blocks(int product, std::int64_t first_input, std::int64_t group_channel,
                                            std::int64_t first, std::int64_t last) const noexcept {
    for_each_blocks(first, last, channels_per_block_,
                    [&](std::int64_t block, std::int64_t channels, std::int64_t blocks) {
                      const std::int64_t width = (channels + kLaneCount - 1) / kLaneCount * kLaneCount;
                      multiply_block(product, first_input, group_channel, block, width, blocks);
                    });
  }

  // `blocks` blocks of `width` channels, whole registers.
  VARSCOPE_SIMD_INLINE void multiply_block(int product, std::int64_t first_input, std::int64_t group_channel,
                                           std::int64_t block, std::int64_t width,
                                           std::int64_t blocks) const noexcept {
    const std::int64_t inputs = smaller(blocking_.channels_per_chunk, blocking_.terms_per_part - first_input);
    const float* const filter =
        arguments_.packed_filter +
        blocking_.terms_per_part * (kProducts * (group_channel + block) + product * width) +
        first_input * width;
    const auto run = [&](std::int64_t patch, std::int64_t patches, std::int64_t panels) {
      const TileInput in = {.pixels = transformed_ + product * blocking_.transformed_step +
                                      patch * blocking_.transformed_patch_step + first_input,
                            .pixel_step = blocking_.transformed_patch_step,
                            .channels = inputs,
                            .filter = filter,
                            .panels = panels,
                            .panel_step = patches * blocking_.transformed_patch_step,
                            .blocks = blocks,
                            .block_step = blocking_.terms_per_part * kProducts * width};
      float* const products =
          products_ + product * blocking_.product_step + patch * blocking_.channels_per_group + block;
      register_tile<Arch>(patches, width / kLaneCount)(
          in, {.pixels = products,
               .pixel_step = blocking_.channels_per_group,
               .panel_step = patches * blocking_.channels_per_group,
               .channels = width,
               .start = first_input == 0 ? nullptr : products,
               .start_step = blocking_.channels_per_group,
               .start_panel_step = patches * blocking_.channels_per_group});
    };
    for_each_panels(patches_, blocking_.patches_per_register_tile, run);
  }

  // The outputs of a patch that exist.
  struct OutputPlace {
    std::int64_t first;  // where its channels lie
    std::int64_t rows;
    std::int64_t columns;
  };

  VARSCOPE_SIMD_INLINE OutputPlace output_place(std::int64_t patch) const noexcept {
    const PatchPlace at = place(patch);
    const std::int64_t image = at.image * shape_.out_height * shape_.out_width * shape_.out_channels;
    return {.first = image + at.y * output_steps_.row + at.x * output_steps_.column,
            .rows = outputs_from(at.y, shape_.out_height, Down::kOutputs, shape_.dilation_height),
            .columns = outputs_from(at.x, shape_.out_width, Along::kOutputs, shape_.dilation_width)};
  }

  // There are none where another first row or column has more patches.
  static VARSCOPE_SIMD_INLINE std::int64_t outputs_from(std::int64_t first, std::int64_t outputs,
                                                        std::int64_t of_patch,
                                                        std::int64_t dilation) noexcept {
    if (first >= outputs) return 0;
    const std::int64_t rest = outputs - first;
    return smaller(of_patch, dilation == 1 ? rest : (rest + dilation - 1) / dilation);
  }

  // Floats from an output of a patch to the next one below, or beside.
  VARSCOPE_SIMD_INLINE std::int64_t output_row_step() const noexcept {
    return shape_.dilation_height * output_steps_.row;
  }
  VARSCOPE_SIMD_INLINE std::int64_t output_pixel_step() const noexcept {
    return shape_.dilation_width * output_steps_.column;
  }

  VARSCOPE_SIMD_INLINE void fetch_patch(std::int64_t patch, std::int64_t first_channel,
                                        std::int64_t channels) const noexcept {
    const OutputPlace at = output_place(patch);
    fetch_output_pixels(arguments_.output + at.first + first_channel, at.rows, output_row_step(), at.columns,
                        output_pixel_step(), channels);
  }

  VARSCOPE_SIMD_INLINE void finish_patch(std::int64_t patch, std::int64_t first_channel,
                                         std::int64_t channels) const noexcept {
    const OutputPlace at = output_place(patch);
    const float* products = products_ + patch * blocking_.channels_per_group;
    const OutputSteps to = steps_of(at, first_channel);
    std::int64_t c = 0;
    for (; c + kLaneCount <= channels; c += kLaneCount) {
      finish_register<true>(products + c, at, to, c, first_channel + c, kLaneCount);
    }
    if (c < channels) {
      finish_register<false>(products + c, at, to, c, first_channel + c, channels - c);
    }
  }

  VARSCOPE_SIMD_INLINE OutputSteps steps_of(const OutputPlace& at,
                                            std::int64_t first_channel) const noexcept {
    if (pooled_ == nullptr) {
      return {.first = arguments_.output + at.first + first_channel,
              .row = output_row_step(),
              .pixel = output_pixel_step()};
    }
    const std::int64_t pixel = blocking_.channels_per_group;
    return {.first = pooled_, .row = Along::kOutputs * pixel, .pixel = pixel};
  }

  VARSCOPE_SIMD_INLINE void finish_stored_patch(std::int64_t patch, std::int64_t first_channel,
                                                std::int64_t channels) const noexcept {
    const OutputPlace at = output_place(patch);
    OutputSteps pooled;
    if (pooled_ != nullptr) {
      const PatchPlace first = place(patch);
      pooled = pooled_steps(shape_, arguments_.output, first.image * shape_.out_height + first.y, first.x,
                            first_channel);
    }
    finish_stored<Arch>(arguments_.epilogue.activation, steps_of(at, first_channel), at.rows, at.columns,
                        channels, pooled);
  }

  // `count` channels from `channel` on, which are stored from to_channel on; kWhole: a whole register of
  // them.
  template <bool kWhole>
  VARSCOPE_SIMD_INLINE void finish_register(const float* products, const OutputPlace& at,
                                            const OutputSteps& to, std::int64_t to_channel,
                                            std::int64_t channel, std::int64_t count) const noexcept {
    const WinogradOutput<Arch, kWhole> output(arguments_.epilogue, to.pixel, channel, count);
    float* const first = to.first + to_channel;
    const std::int64_t first_index = at.first + channel;
    transform_output<Arch, Down, Along>(
        products, blocking_.product_step,
        [&](int y, const Registers<Arch, Along::kOutputs>& row) VARSCOPE_SIMD_LAMBDA {
          if (y < at.rows) output.finish(row, first + y * to.row, first_index + y * to.row, at.columns);
        });
  }

  const Conv2DShape& shape_;
  const WinogradBlocking& blocking_;
  const Conv2DArguments& arguments_;
  const std::int64_t channels_per_block_;
  float* const transformed_;
  float* const products_;
  float* const zeros_;   // one pixel
  float* const pooled_;  // a patch's outputs, if they are pooled
  const Steps input_steps_;
  const Steps output_steps_;
  std::int64_t first_patch_;
  std::int64_t patches_;
  std::int64_t first_input_;
  std::int64_t first_channel_;  // of the output
  std::int64_t last_channel_;
};

template <typename Arch, typename Down, typename Along>
void conv2d_winograd_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                          std::int64_t tile) noexcept {
  WinogradTile<Arch, Down, Along>(plan, arguments, tile).run();
}

template <typename Arch, typename Down, typename Along>
constexpr WinogradFunctions winograd_functions_of() noexcept {
  return {.patch_height = Down::kOutputs,
          .patch_width = Along::kOutputs,
          .filter_height = Down::kTaps,
          .filter_width = Along::kTaps,
          .stride = Along::kStride,
          .pack_filter_tile = &pack_winograd_filter_tile<Down, Along>,
          .tile = &conv2d_winograd_tile<Arch, Down, Along>};
}

// Of patches and filters that are squares.
template <typename Arch, int kOutputs, int kTaps, int kStride>
constexpr WinogradFunctions winograd_functions() noexcept {
  using Line = WinogradLine<kOutputs, kTaps, kStride>;
  return winograd_functions_of<Arch, Line, Line>();
}

// Of those with one row.
template <typename Arch, int kOutputs, int kTaps, int kStride>
constexpr WinogradFunctions winograd_one_row_functions() noexcept {
  return winograd_functions_of<Arch, WinogradLine<1, 1, 1>, WinogradLine<kOutputs, kTaps, kStride>>();
}

template <typename Arch>
constexpr WinogradKernels winograd_kernels() noexcept {
  return {.functions = {
              winograd_functions<Arch, 4, 2, 1>(),         winograd_functions<Arch, 4, 4, 1>(),
              winograd_functions<Arch, 2, 4, 2>(),         winograd_functions<Arch, 4, 4, 2>(),
              winograd_functions<Arch, 2, 3, 1>(),         winograd_functions<Arch, 4, 3, 1>(),
              winograd_functions<Arch, 6, 3, 1>(),         winograd_functions<Arch, 2, 5, 1>(),
              winograd_functions<Arch, 4, 5, 1>(),         winograd_functions<Arch, 2, 7, 1>(),
              winograd_functions<Arch, 2, 3, 2>(),         winograd_functions<Arch, 4, 3, 2>(),
              winograd_functions<Arch, 2, 5, 2>(),         winograd_functions<Arch, 4, 5, 2>(),
              winograd_functions<Arch, 2, 7, 2>(),         winograd_functions<Arch, 4, 7, 2>(),
              winograd_one_row_functions<Arch, 4, 2, 1>(), winograd_one_row_functions<Arch, 4, 3, 1>(),
              winograd_one_row_functions<Arch, 6, 3, 1>(), winograd_one_row_functions<Arch, 4, 5, 1>(),
              winograd_one_row_functions<Arch, 4, 7, 1>(), winograd_one_row_functions<Arch, 4, 3, 2>(),
              winograd_one_row_functions<Arch, 4, 5, 2>(), winograd_one_row_functions<Arch, 4, 7, 2>()}};
}

}  // namespace
}  // namespace varscope::simd
