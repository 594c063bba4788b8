// SPDX-License-Identifier: Apache-2.0
// 1x1 convolution by one level of Strassen's algorithm in the variant of Winograd (V. Strassen, "Gaussian
// elimination is not optimal", 1969; S. Winograd, 1971): 7 products of matrices of half the size in place of
// 8. A is the pixels of an image by input channels, B the filter, C the output, each cut into four:
//
//   S1 = A21 + A22   S2 = S1 - A11    S3 = A11 - A21   S4 = A12 - S2     (T1 .. T4: conv2d_strassen_plan.cpp)
//   P1 = A11 B11  P2 = A12 B21  P3 = S4 B22  P4 = A22 T4  P5 = S1 T1  P6 = S2 T2  P7 = S3 T3
//   U2 = P1 + P6     U3 = U2 + P7
//   C11 = P1 + P2    C12 = U2 + P5 + P3    C21 = U3 - P4    C22 = U3 + P5
//
// The halves of the pixels are the even and the odd ones, so a pixel's sums are the same bits in any cut and
// batch. An odd last pixel is its own partner. The sums with U cost no pass of their own, as each product's
// register tile starts at what the one before it left; only P5, which two outputs need, is added by itself.
#pragma once

#include "activate.inl.hpp"
#include "register_tile.inl.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {
namespace {

template <typename Arch>
class StrassenTile {
 public:
  StrassenTile(const Conv2DPlan& plan, const Conv2DArguments& arguments, std::int64_t tile) noexcept
      : shape_(plan.shape), blocking_(plan.strassen), arguments_(arguments) {
    const std::int64_t pixel_tile = tile / blocking_.block_tiles;
    block_tile_ = tile % blocking_.block_tiles;
    image_ = pixel_tile / blocking_.pair_tiles;
    pixels_ = shape_.out_height * shape_.out_width;
    first_pair_ = pixel_tile % blocking_.pair_tiles * blocking_.pairs_per_tile;
    pairs_ = smaller(blocking_.pairs_per_tile, (pixels_ + 1) / 2 - first_pair_);
  }

  void run() const noexcept {
    if (blocking_.copied) {
      make_left_factors<true>();
    } else {
      make_left_factors<false>();
    }
    const std::int64_t first = block_tile_ * blocking_.blocks_per_tile;
    const std::int64_t last = smaller(first + blocking_.blocks_per_tile, blocking_.block_count);
    for (std::int64_t block = first; block < last; ++block) run_block(block);
  }

 private:
  // In the order of the products: the left factors in the workspace, the right ones in the packed filter.
  enum Product : int { kA11B11, kA12B21, kS2T2, kS3T3, kA22T4, kS1T1, kS4B22 };

  float* left_factor(std::int64_t product, std::int64_t pair) const noexcept {
    return arguments_.workspace + (product * pairs_ + pair) * blocking_.pixel_step;
  }

  const float* input_pixel(std::int64_t pixel) const noexcept {
    const std::int64_t y = pixel / shape_.out_width * shape_.stride_height;
    const std::int64_t x = pixel % shape_.out_width * shape_.stride_width;
    return arguments_.input + ((image_ * shape_.in_height + y) * shape_.in_width + x) * shape_.in_channels;
  }

  template <bool kCopied>
  void make_left_factors() const noexcept {
    const std::int64_t depth = blocking_.half_depth;
    const std::int64_t second_depth = shape_.in_channels - depth;  // one less where the channels are odd
    const std::int64_t step = pairs_ * blocking_.pixel_step;
    // Of numbers or of registers.
    const auto write = [](auto a11, auto a12, auto a21, auto a22, auto&& put) VARSCOPE_SIMD_LAMBDA {
      const auto s1 = a21 + a22;
      const auto s2 = s1 - a11;
      if constexpr (kCopied) put(kA11B11, a11);
      if constexpr (kCopied) put(kA12B21, a12);
      put(kS2T2, s2);
      put(kS3T3, a11 - a21);
      if constexpr (kCopied) put(kA22T4, a22);
      put(kS1T1, s1);
      put(kS4B22, a12 - s2);
    };
    for (std::int64_t pair = 0; pair < pairs_; ++pair) {
      const std::int64_t pixel = 2 * (first_pair_ + pair);
      const float* const even = input_pixel(pixel);
      const float* const odd = pixel + 1 < pixels_ ? input_pixel(pixel + 1) : even;
      float* const dst = left_factor(0, pair);
      std::int64_t d = 0;
      for (; d + kLanes<Arch> <= second_depth; d += kLanes<Arch>) {
        write(load<Arch>(even + d), load<Arch>(even + depth + d), load<Arch>(odd + d),
              load<Arch>(odd + depth + d), [&](Product product, Floats<Arch> x) VARSCOPE_SIMD_LAMBDA {
                store<Arch>(dst + product * step + d, x);
              });
      }
      for (; d < depth; ++d) {
        const bool exists = d < second_depth;
        write(even[d], exists ? even[depth + d] : 0.0f, odd[d], exists ? odd[depth + d] : 0.0f,
              [&](Product product, float x) VARSCOPE_SIMD_LAMBDA { dst[product * step + d] = x; });
      }
    }
  }

  // A block of each half of the output channels.
  struct Block {
    std::int64_t column;         // the first channel, of the first half
    std::int64_t width;          // channels, whole registers
    const float* filter;         // the seven right factors
    float* sums[kStrassenSums];  // [pairs][width] each
  };

  void run_block(std::int64_t number) const noexcept {
    Block block;
    block.column = number * blocking_.channels_per_block;
    block.width = smaller(blocking_.channels_per_block, blocking_.half_channels - block.column);
    block.filter = arguments_.packed_filter + kStrassenProducts * blocking_.half_depth * block.column;
    float* const sums = left_factor(kStrassenProducts, 0);
    for (int i = 0; i < kStrassenSums; ++i) block.sums[i] = sums + i * pairs_ * block.width;
    float* const u2 = block.sums[0];
    float* const u3 = block.sums[1];
    float* const p5 = block.sums[2];
    const bool second = blocking_.half_channels + block.column < shape_.out_channels;
    add_product(block, kA11B11, nullptr, u2);
    finish(block, kA12B21, with_residual(block, u2, p5, 0, 0), 0, 0);
    add_product(block, kS2T2, u2, u2);
    add_product(block, kS3T3, u2, u3);
    finish(block, kA22T4, with_residual(block, u3, p5, 1, 0), 1, 0);
    if (!second) return;
    add_product(block, kS1T1, nullptr, p5);
    for (std::int64_t i = 0; i < pairs_ * block.width; i += kLanes<Arch>) {
      const Floats<Arch> x = load<Arch>(p5 + i);
      store<Arch>(u2 + i, load<Arch>(u2 + i) + x);
      store<Arch>(u3 + i, load<Arch>(u3 + i) + x);
    }
    finish(block, kS4B22, with_residual(block, u2, p5, 0, 1), 0, 1);
    finish(block, kNoProduct, with_residual(block, u3, p5, 1, 1), 1, 1);
  }

  static constexpr int kNoProduct = -1;

  // Of `panels` register tiles of `pairs` each, from `pair` on.
  TileInput input_of(const Block& block, int product, std::int64_t pair, std::int64_t pairs,
                     std::int64_t panels) const noexcept {
    const std::int64_t depth = blocking_.half_depth;
    TileInput in = {.pixels = block.filter,  // of no product too: it is read zero times
                    .pixel_step = product == kNoProduct ? 0 : blocking_.pixel_step,
                    .rows = product == kNoProduct ? 0 : 1,
                    .channels = depth,
                    .filter = block.filter,
                    .panels = panels};
    if (product == kNoProduct) return in;
    in.filter += product * depth * block.width;
    const bool sum = product == kS1T1 || product == kS2T2 || product == kS3T3 || product == kS4B22;
    if (sum || blocking_.copied) {
      in.pixels = left_factor(product, pair);
    } else {
      const std::int64_t pixel = 2 * (first_pair_ + pair) + (product == kA22T4 ? 1 : 0);
      in.pixels = input_pixel(pixel) + (product == kA11B11 ? 0 : depth);
      in.pixel_step = 2 * shape_.in_channels;
    }
    in.panel_step = pairs * in.pixel_step;
    return in;
  }

  // sums = start + product; start: null for zero.
  void add_product(const Block& block, int product, const float* start, float* sums) const noexcept {
    const auto run = [&](std::int64_t pair, std::int64_t pairs, std::int64_t panels) {
      const std::int64_t first = pair * block.width;
      register_tile<Arch>(pairs, block.width / kLanes<Arch>)(
          input_of(block, product, pair, pairs, panels), {.pixels = sums + first,
                                                          .pixel_step = block.width,
                                                          .panel_step = pairs * block.width,
                                                          .channels = block.width,
                                                          .start = start == nullptr ? nullptr : start + first,
                                                          .start_step = block.width,
                                                          .start_panel_step = pairs * block.width});
    };
    for_each_panels(pairs_, blocking_.pairs_per_register_tile, run);
  }

  // The even (0) or odd (1) pixels of the tile that exist: the last pair may have no odd one.
  VARSCOPE_SIMD_INLINE std::int64_t existing_pairs(int odd) const noexcept {
    return smaller(pairs_, (pixels_ - (2 * first_pair_ + odd) + 1) / 2);
  }

  VARSCOPE_SIMD_INLINE std::int64_t output_index(std::int64_t pair, int odd,
                                                 std::int64_t column) const noexcept {
    return (image_ * pixels_ + 2 * (first_pair_ + pair) + odd) * shape_.out_channels + column;
  }

  // sums + residual in `buffer`, or the sums as they are where there is no residual. Arguments as finish()'s.
  const float* with_residual(const Block& block, const float* sums, float* buffer, int odd,
                             int half) const noexcept {
    const float* const residual = arguments_.epilogue.residual;
    if (residual == nullptr) return sums;
    const std::int64_t column = half * blocking_.half_channels + block.column;
    const std::int64_t channels = smaller(block.width, shape_.out_channels - column);
    const std::int64_t pairs = existing_pairs(odd);
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const float* const src = residual + output_index(pair, odd, column);
      const std::int64_t row = pair * block.width;
      for (std::int64_t i = 0; i < channels; ++i) buffer[row + i] = sums[row + i] + src[i];
    }
    return buffer;
  }

  // The output of the even (0) or odd (1) pixels and of one half of the channels: start + product.
  void finish(const Block& block, int product, const float* start, int odd, int half) const noexcept {
    const Conv2DEpilogue& epilogue = arguments_.epilogue;
    const std::int64_t column = half * blocking_.half_channels + block.column;
    const std::int64_t existing = existing_pairs(odd);
    if (existing <= 0) return;
    const std::int64_t channels = smaller(block.width, shape_.out_channels - column);
    if (channels <= block.width - kLanes<Arch>) {
      finish_few(block, product, start, odd, column, channels);
      return;
    }
    const auto run = [&](std::int64_t pair, std::int64_t pairs, std::int64_t panels) {
      const TileOutput out = {.pixels = arguments_.output + output_index(pair, odd, column),
                              .pixel_step = 2 * shape_.out_channels,
                              .panel_step = pairs * 2 * shape_.out_channels,
                              .channels = channels,
                              .bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + column,
                              .start = start + pair * block.width,
                              .start_step = block.width,
                              .start_panel_step = pairs * block.width,
                              .relu = epilogue.activation == Activation::relu,
                              .fetch = blocking_.fetch_output};
      register_tile<Arch>(pairs, block.width / kLanes<Arch>)(input_of(block, product, pair, pairs, panels),
                                                             out);
      activate<Arch>(epilogue.activation, {.first = out.pixels,
                                           .pixels = panels * pairs,
                                           .pixel_step = out.pixel_step,
                                           .channels = channels});
    };
    for_each_panels(existing, blocking_.pairs_per_register_tile, run);
  }

  // Where the last register of a block, or more, is all padding: only of the second half, which leaves p5.
  void finish_few(const Block& block, int product, const float* start, int odd, std::int64_t column,
                  std::int64_t channels) const noexcept {
    const Conv2DEpilogue& epilogue = arguments_.epilogue;
    float* const sums = block.sums[2];
    add_product(block, product, start, sums);
    const std::int64_t existing = existing_pairs(odd);
    for (std::int64_t pair = 0; pair < existing; ++pair) {
      float* const dst = arguments_.output + output_index(pair, odd, column);
      for (std::int64_t i = 0; i < channels; ++i) {
        const float bias = epilogue.bias == nullptr ? 0.0f : epilogue.bias[column + i];
        const float sum = sums[pair * block.width + i] + bias;
        dst[i] = epilogue.activation == Activation::relu && sum < 0 ? 0.0f : sum;
      }
      activate<Arch>(epilogue.activation, {.first = dst, .pixels = 1, .pixel_step = 0, .channels = channels});
    }
  }

  const Conv2DShape& shape_;
  const StrassenBlocking& blocking_;
  const Conv2DArguments& arguments_;
  std::int64_t block_tile_;
  std::int64_t image_;
  std::int64_t pixels_;  // of an image of the output
  std::int64_t first_pair_;
  std::int64_t pairs_;
};

template <typename Arch>
void conv2d_strassen_tile(const Conv2DPlan& plan, const Conv2DArguments& arguments,
                          std::int64_t tile) noexcept {
  StrassenTile<Arch>(plan, arguments, tile).run();
}

}  // namespace
}  // namespace varscope::simd
