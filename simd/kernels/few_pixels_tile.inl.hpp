// SPDX-License-Identifier: Apache-2.0
// A register tile of few pixels has fewer sums than a processor has multiply-adds on their way (two a
// cycle that take four), so it would wait for each of them. Here some blocks of output channels are in work
// at one time. Each sum runs in the same order as in any other register tile.
#pragma once

#include "tile_arguments.inl.hpp"

namespace varscope::simd {
namespace {

template <typename Arch, int kPixels, int kVectors>
struct FewPixelsTile {
  static constexpr int kSums = kPixels * kVectors;
  static constexpr int kOnTheirWay = 8;
  static constexpr int kMostSums = 6;  // twice as many, weights and a pixel are all of 16 registers
  // That are in work at one time; where there is one, this is not used.
  static constexpr int kBlocks = kSums <= kMostSums ? (kOnTheirWay + kSums - 1) / kSums : 1;
  static constexpr std::int64_t kChannels = kVectors * kLanes<Arch>;

  // The first `blocks` of the input's, a multiple of kBlocks.
  static void run(const TileInput& in, const TileOutput& out, std::int64_t blocks) noexcept {
    for (std::int64_t panel = 0; panel < in.panels; ++panel) {
      for (std::int64_t block = 0; block < blocks; block += kBlocks) run_blocks(in, out, panel, block);
    }
  }

 private:
  using Sums = Floats<Arch>[kBlocks][kPixels][kVectors];

  template <typename Body>
  static VARSCOPE_SIMD_INLINE void for_each_sum(Body&& body) noexcept {
    unroll<kBlocks>([&](auto b) VARSCOPE_SIMD_LAMBDA {
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
        unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { body(b, p, v); });
      });
    });
  }

  static __attribute__((noinline)) void run_blocks(const TileInput& in, const TileOutput& out,
                                                   std::int64_t panel, std::int64_t block) noexcept {
    const std::int64_t channel = block * kChannels;
    const auto channel_of = [](int b, int v)
                                VARSCOPE_SIMD_LAMBDA { return b * kChannels + v * kLanes<Arch>; };
    const float* const start = out.start == nullptr ? nullptr : out.start + panel * out.start_panel_step;
    Sums sums;
    for_each_sum([&](auto b, auto p, auto v) VARSCOPE_SIMD_LAMBDA {
      const std::int64_t at = channel + channel_of(b, v);
      Floats<Arch> sum = broadcast<Arch>(0.0f);
      if (start != nullptr) sum = load<Arch>(start + p * out.start_step + at);
      sums[b][p][v] = out.bias == nullptr ? sum : sum + load<Arch>(out.bias + at);
    });
    multiply(in, in.filter + panel * in.panel_filter_step + block * in.block_step,
             in.pixels + panel * in.panel_step, sums);
    const Floats<Arch> floor = load<Arch>(out.relu ? kTileConstants.zeros : kTileConstants.no_floor);
    float* const dst = out.pixels + panel * out.panel_step + channel;
    for_each_sum([&](auto b, auto p, auto v) VARSCOPE_SIMD_LAMBDA {
      store<Arch>(dst + p * out.pixel_step + channel_of(b, v), xsimd::max(floor, sums[b][p][v]));
    });
  }

  static VARSCOPE_SIMD_INLINE void multiply(const TileInput& in, const float* filter, const float* first,
                                            Sums& sums) noexcept {
    const std::int64_t block_step = in.block_step;
    const std::int64_t pixel_step = in.pixel_step;
    for (std::int64_t r = 0; r < in.rows; ++r) {
      for (std::int64_t s = 0; s < in.columns; ++s) {
        const float* pixel = first + r * in.row_step + s * in.column_step;
        for (std::int64_t c = 0; c < in.channels; ++c) {
          unroll<kBlocks>([&](auto b) VARSCOPE_SIMD_LAMBDA {
            const float* const line = filter + b * block_step;
            prefetch_filter<kChannels>(line);
            unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA {
              const Floats<Arch> weights = load<Arch>(line + v * kLanes<Arch>);
              unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
                accumulate<Arch>(broadcast<Arch>(pixel[p * pixel_step]), weights, &sums[b][p][v]);
              });
            });
          });
          filter += kChannels;
          ++pixel;
        }
      }
    }
  }
};

}  // namespace
}  // namespace varscope::simd
