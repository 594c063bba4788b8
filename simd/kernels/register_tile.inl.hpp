// SPDX-License-Identifier: Apache-2.0
// The inner loop of convolutions and matrix products: a register tile of kPixels pixels by kVectors registers
// of output channels. Each step multiplies one input channel of every pixel with kVectors registers of the
// packed filter.
//
// The sum of an output element runs over filter rows, then columns, then channels, one fused multiply-add
// (SSE4.2: a product and a sum) a step, whatever the size of the tile: the same bits for any cut of the
// output.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/activation.hpp>

namespace varscope::simd {
namespace {

// What one pass over a register tile reads. Steps are in floats.
struct TileInput {
  const float* pixels;       // first pixel, at the first filter row, column and channel
  std::int64_t pixel_step;   // from one pixel to the next
  std::int64_t row_step;     // from one filter row to the next
  std::int64_t column_step;  // from one filter column to the next
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t channels;  // adjacent floats, at least one
  const float* filter;    // [rows][columns][channels][kVectors * lanes]
};

// What it writes, at the first pixel and the first channel of the tile.
struct TileOutput {
  float* pixels;
  std::int64_t pixel_step;
  std::int64_t channels;  // 1 .. kVectors * lanes: how many are stored
  const float* bias;      // null for none; bias, residual and activation count in the last pass alone
  const float* residual;  // null for none; laid out as `pixels`
  Activation activation;
  bool first_pass;  // sums start at zero, not at what `pixels` holds
  bool last_pass;
  bool fetch;                    // `pixels` come from memory, so ask for them before the sums
  const float* start = nullptr;  // where not null and not the first pass: sums start at this, whole registers
  std::int64_t start_step = 0;   // from one pixel's to the next
};

template <typename Arch, int kPixels, int kVectors>
struct RegisterTile {
  static constexpr std::int64_t kLaneCount = kLanes<Arch>;
  static constexpr std::int64_t kChannels = kVectors * kLaneCount;
  using Sums = Floats<Arch>[kPixels][kVectors];

  static void run(const TileInput& in, const TileOutput& out) noexcept {
    Sums sums;
    if (out.fetch) fetch_output(out);
    if (out.first_pass) {
      for_each([&](auto p, auto v) VARSCOPE_SIMD_LAMBDA { sums[p][v] = broadcast<Arch>(0.0f); });
    } else if (out.start != nullptr) {
      for_each([&](auto p, auto v) VARSCOPE_SIMD_LAMBDA {
        sums[p][v] = load<Arch>(out.start + p * out.start_step + v * kLaneCount);
      });
    } else {
      read_tile(out.pixels, out,
                [&](const float* pixels, std::int64_t step, auto p, auto v)
                    VARSCOPE_SIMD_LAMBDA { sums[p][v] = load<Arch>(pixels + p * step + v * kLaneCount); });
    }
    multiply(in, sums);
    finish(out, sums);
  }

 private:
  // body(p, v) for each register of the tile.
  template <typename Body>
  static VARSCOPE_SIMD_INLINE void for_each(Body&& body) noexcept {
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { body(p, v); });
    });
  }

  // A store waits for its line to come from wherever the output lies. Where that is memory, it is worth a
  // request for each line; from the caches it is not.
  static VARSCOPE_SIMD_INLINE void fetch_output(const TileOutput& out) noexcept {
    constexpr std::int64_t kLineFloats = 16;
    constexpr int kLines = static_cast<int>((kChannels + kLineFloats - 1) / kLineFloats);
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      unroll<kLines>([&](auto line) VARSCOPE_SIMD_LAMBDA {
        __builtin_prefetch(out.pixels + p * out.pixel_step + line * kLineFloats, 1);
      });
    });
  }

  // The filter is the long stream of the loop. Processors follow it by themselves, but only to the end of a
  // page, where each new one would cost the latency of the next cache.
  static VARSCOPE_SIMD_INLINE void prefetch_filter(const float* filter) noexcept {
    constexpr std::int64_t kStepsAhead = 24;
    constexpr std::int64_t kLineFloats = 16;
    unroll<static_cast<int>((kChannels + kLineFloats - 1) / kLineFloats)>(
        [&](auto line) VARSCOPE_SIMD_LAMBDA {
          __builtin_prefetch(filter + kStepsAhead * kChannels + line * kLineFloats);
        });
  }

  static VARSCOPE_SIMD_INLINE void multiply(const TileInput& in, Sums& sums) noexcept {
    const float* filter = in.filter;
    for (std::int64_t r = 0; r < in.rows; ++r) {
      for (std::int64_t s = 0; s < in.columns; ++s) {
        PixelAddresses pixels(in.pixels + r * in.row_step + s * in.column_step, in.pixel_step);
        std::int64_t c = in.channels;
        for (; c >= kUnrolled; c -= kUnrolled) {
          unroll<kUnrolled>([&](auto i) VARSCOPE_SIMD_LAMBDA {
            pixels.keep_steps();
            multiply_channel<decltype(i)::value>(pixels, filter, sums);
          });
          filter += kUnrolled * kChannels;
          pixels.advance(kUnrolled);
        }
        for (; c != 0; --c) {
          pixels.keep_steps();
          multiply_channel<0>(pixels, filter, sums);
          filter += kChannels;
          pixels.advance(1);
        }
      }
    }
  }

  // Channels a turn of the inner loop. Counters and pointers would else be a quarter of the instructions,
  // which costs nothing on a core of one's own, but much beside a busy hardware thread.
  static constexpr int kUnrolled = 4;

  // x86 addresses base + {0, 1, 2, 4} * step + constant without an instruction, so a base serves five pixels
  // with one register more for 3 * step.
  class PixelAddresses {
   public:
    VARSCOPE_SIMD_INLINE PixelAddresses(const float* first, std::int64_t step) noexcept
        : step_(step * static_cast<std::int64_t>(sizeof(float))), step3_(3 * step_) {
      unroll<kBases>([&](auto i) VARSCOPE_SIMD_LAMBDA {
        bases_[i] = reinterpret_cast<const char*>(first) + 5 * i * step_;
      });
    }

    // The empty asm keeps the compiler from making a pointer of every pixel, and from loading the weights of
    // the next channels early; both would spill.
    VARSCOPE_SIMD_INLINE void keep_steps() noexcept {
      asm volatile("" : "+r"(step_), "+r"(step3_) : : "memory");
    }

    template <int kPixel, int kChannel>
    VARSCOPE_SIMD_INLINE Floats<Arch> load_channel() const noexcept {
      constexpr int kMultiple = kPixel % 5;
      const std::int64_t offset = kMultiple == 3 ? step3_ : kMultiple * step_;
      return broadcast<Arch>(reinterpret_cast<const float*>(bases_[kPixel / 5] + offset)[kChannel]);
    }

    VARSCOPE_SIMD_INLINE void advance(int channels) noexcept {
      unroll<kBases>([&](auto i) VARSCOPE_SIMD_LAMBDA {
        bases_[i] += channels * static_cast<std::int64_t>(sizeof(float));
      });
    }

   private:
    static constexpr int kBases = (kPixels + 4) / 5;
    const char* bases_[kBases];
    std::int64_t step_;  // bytes
    std::int64_t step3_;
  };

  template <int kChannel>
  static VARSCOPE_SIMD_INLINE void multiply_channel(const PixelAddresses& pixels, const float* filter,
                                                    Sums& sums) noexcept {
    const float* line = filter + kChannel * kChannels;
    prefetch_filter(line);
    Floats<Arch> weights[kVectors];
    unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { weights[v] = load<Arch>(line + v * kLaneCount); });
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      const Floats<Arch> x = pixels.template load_channel<decltype(p)::value, kChannel>();
      unroll<kVectors>(
          [&](auto v) VARSCOPE_SIMD_LAMBDA { sums[p][v] = multiply_add<Arch>(x, weights[v], sums[p][v]); });
    });
  }

  // Each register is finished and stored before the next one: if all sums first waited for their biases, they
  // would fill the processor's queues, and the multiply-adds of the next tile would wait behind them. One
  // loop for all cases, or the compiler would move what they share to before them.
  static VARSCOPE_SIMD_INLINE void finish(const TileOutput& out, Sums& sums) noexcept {
    Floats<Arch> bias[kVectors];
    load_bias(out, bias);
    if (out.last_pass && out.residual != nullptr) {
      read_tile(out.residual, out,
                [&](const float* pixels, std::int64_t step, auto p, auto v) VARSCOPE_SIMD_LAMBDA {
                  sums[p][v] = sums[p][v] + bias[v] + load<Arch>(pixels + p * step + v * kLaneCount);
                });
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { bias[v] = broadcast<Arch>(-0.0f); });
    }
    const Floats<Arch> floor = activation_floor<Arch>(out.last_pass && out.activation == Activation::relu);
    const bool whole = out.channels == kChannels;
    float buffer[kPixels * kChannels];
    float* dst = whole ? out.pixels : buffer;
    const std::int64_t step = whole ? out.pixel_step : kChannels;
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA {
        store<Arch>(dst + v * kLaneCount, xsimd::max(floor, sums[p][v] + bias[v]));
      });
      dst += step;
    });
    if (whole) return;
    for (std::int64_t p = 0; p < kPixels; ++p) {
      for (std::int64_t i = 0; i < out.channels; ++i)
        out.pixels[p * out.pixel_step + i] = buffer[p * kChannels + i];
    }
  }

  // Minus zero where there is none: adding it changes nothing, not even the sign of a zero.
  static VARSCOPE_SIMD_INLINE void load_bias(const TileOutput& out, Floats<Arch> (&bias)[kVectors]) noexcept {
    if (!out.last_pass || out.bias == nullptr) {
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { bias[v] = broadcast<Arch>(-0.0f); });
    } else if (out.channels == kChannels) {
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { bias[v] = load<Arch>(out.bias + v * kLaneCount); });
    } else {
      float buffer[kChannels];
      copy_padded(out.bias, out.channels, buffer);
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { bias[v] = load<Arch>(buffer + v * kLaneCount); });
    }
  }

  // body(pixels, step, p, v) for each register of a tile that lies as `out` does: on memory as it is, or on a
  // padded buffer where the tile has fewer channels than its registers hold.
  template <typename Body>
  static VARSCOPE_SIMD_INLINE void read_tile(const float* pixels, const TileOutput& out,
                                             Body&& body) noexcept {
    if (out.channels == kChannels) {
      for_each([&](auto p, auto v) VARSCOPE_SIMD_LAMBDA { body(pixels, out.pixel_step, p, v); });
      return;
    }
    float buffer[kPixels * kChannels];
    for (std::int64_t p = 0; p < kPixels; ++p) {
      copy_padded(pixels + p * out.pixel_step, out.channels, buffer + p * kChannels);
    }
    for_each([&](auto p, auto v) VARSCOPE_SIMD_LAMBDA { body(buffer, kChannels, p, v); });
  }

  static VARSCOPE_SIMD_INLINE void copy_padded(const float* src, std::int64_t count, float* dst) noexcept {
    for (std::int64_t i = 0; i < kChannels; ++i) dst[i] = i < count ? src[i] : 0.0f;
  }
};

// How large a register tile may be before the registers run out: a set with 32 registers, and one with 16.
template <typename Arch>
constexpr bool kManyRegisters = kLanes<Arch> == 16 || XSIMD_WITH_NEON64;
template <typename Arch>
constexpr int kTilePixels = kManyRegisters<Arch> ? 12 : 6;
constexpr int kTileVectors = 2;

using RegisterTileFunction = void (*)(const TileInput& in, const TileOutput& out) noexcept;

template <typename Arch, int kVectors, typename Indices>
struct RegisterTileTable;

template <typename Arch, int kVectors, int... kIndices>
struct RegisterTileTable<Arch, kVectors, std::integer_sequence<int, kIndices...>> {
  static constexpr RegisterTileFunction kFunctions[] = {&RegisterTile<Arch, kIndices + 1, kVectors>::run...};
};

// The tile of `pixels` (1 .. kTilePixels) by `vectors` (1 .. kTileVectors) registers.
template <typename Arch>
VARSCOPE_SIMD_INLINE RegisterTileFunction register_tile(std::int64_t pixels, std::int64_t vectors) noexcept {
  using AllPixels = std::make_integer_sequence<int, kTilePixels<Arch>>;
  return vectors == 1 ? RegisterTileTable<Arch, 1, AllPixels>::kFunctions[pixels - 1]
                      : RegisterTileTable<Arch, 2, AllPixels>::kFunctions[pixels - 1];
}

}  // namespace
}  // namespace varscope::simd
