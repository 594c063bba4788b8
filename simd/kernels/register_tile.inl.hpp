// SPDX-License-Identifier: Apache-2.0
// The inner loop of convolutions and matrix products: a register tile of kPixels pixels by kVectors registers
// of output channels. Each step multiplies one input channel of every pixel with kVectors registers of the
// packed filter.
//
// The sum of an output element starts at its bias and residual and runs over filter rows, then columns, then
// channels, one fused multiply-add (SSE4.2: a product and a sum) a step, whatever the size of the tile: the
// same bits for any cut of the output.
//
// One call computes a whole rectangle of register tiles, as what lies between two of them counts: the
// processor works ahead by some 50 cycles of multiply-adds and idles when it takes longer than that to get to
// the next ones.
#pragma once

#include "few_pixels_tile.inl.hpp"

namespace varscope::simd {
namespace {

// How large a register tile may be before the registers run out: a set with 32 registers, and one with 16.
template <typename Arch>
constexpr bool kManyRegisters = kLanes<Arch> == 16 || XSIMD_WITH_NEON64;
template <typename Arch>
constexpr int kTilePixels = kManyRegisters<Arch> ? 12 : 6;
constexpr int kTileVectors = 2;

template <typename Arch, int kPixels, int kVectors>
struct RegisterTile {
  static constexpr std::int64_t kLaneCount = kLanes<Arch>;
  static constexpr std::int64_t kChannels = kVectors * kLaneCount;
  // One register wide a tile loads as much as it multiplies, and has half the sums: two are one, where
  // possible.
  static constexpr bool kPairs =
      kVectors == 1 && kPixels <= kTilePixels<Arch> && 2 * kPixels > kTilePixels<Arch>;
  static constexpr bool kNearlyWhole = kPixels * kVectors >= (kTilePixels<Arch> - 1) * kTileVectors;
  using Sums = Floats<Arch>[kPixels][kVectors];

  // Channels a turn of the inner loop. Counters and pointers would else be a quarter of the instructions,
  // which costs nothing on a core of one's own, but much beside a busy hardware thread.
  static constexpr int kUnrolled = 4;

  static void run(const TileInput& in, const TileOutput& out) noexcept {
    if constexpr (kPairs) {
      if (can_pair(in, out)) return run_pairs(in, out);
    }
    if (out.channels != kChannels) {
      run_whole<Form::ragged>(in, out);
    } else if constexpr (FewPixelsTile<Arch, kPixels, kVectors>::kBlocks > 1) {
      run_few(in, out);
    } else if (kNearlyWhole && out.fetch) {
      run_whole<kNearlyWhole ? Form::fetching : Form::plain>(in, out);
    } else if (out.start == nullptr && out.bias == nullptr && !out.relu) {
      run_whole<Form::bare>(in, out);
    } else {
      run_whole<Form::plain>(in, out);
    }
  }

 private:
  // Moves a word of eight bytes as such: a copy by wide registers of what was just written word by word waits
  // until all of that is in the cache (40 cycles a call).
  template <typename Word>
  static VARSCOPE_SIMD_INLINE Word word(Word value) noexcept {
    asm("" : "+r"(value));
    return value;
  }

  // Where the tile at work lies. All of it is memory that the assembly between the steps may change as far as
  // the compiler knows: else it would keep the pointers of the next tiles in registers of floats, which they
  // leave only after the multiply-adds before.
  struct Place {
    const float* pixels;
    const float* filter;
    std::int64_t pixel_step;
    std::int64_t row_step;
    std::int64_t column_step;
    std::int64_t rows;
    std::int64_t columns;
    std::int64_t channels;
    std::int64_t panel_step;
    std::int64_t block_step;
    std::int64_t blocks_per_panel;
    bool adjacent_pixels;
    std::int64_t panels;
    std::int64_t blocks;
    const float* start;
    std::int64_t start_pixel_step;
    std::int64_t start_block_step;
    std::int64_t start_panel_step;  // from the end of one panel to the next
    float* dst;
    std::int64_t dst_pixel_step;
    std::int64_t dst_panel_step;  // from the end of one panel to the next
    const float* first_bias;
    const float* bias;
    std::int64_t bias_step;  // between blocks
    const float* floor;
    std::int64_t last_channels;  // of the last register
  };

  enum class Form {
    plain,
    bare,      // there is neither start, bias nor activation
    fetching,  // as TileOutput's fetch
    ragged,    // of the last register only some channels are there; one block
  };

  template <Form kForm>
  static void run_whole(const TileInput& in, const TileOutput& out) noexcept {
    static_assert(kChannels <= TileConstants::kFloats);
    const bool starts = out.start != nullptr;
    const std::int64_t width = in.blocks * kChannels;
    Place place;
    place.pixels = word(in.pixels);
    place.pixel_step = word(in.pixel_step);
    place.row_step = word(in.row_step);
    place.column_step = word(in.column_step);
    place.rows = word(in.rows);
    place.columns = word(in.columns);
    place.channels = word(in.channels);
    place.panels = word(in.panels);
    place.panel_step = word(in.panel_step);
    place.block_step = word(in.block_step);
    place.blocks_per_panel = word(in.blocks);
    place.adjacent_pixels = in.adjacent_pixels;
    place.start = word(starts ? out.start : kTileConstants.zeros);
    place.start_pixel_step = word(starts ? out.start_step : 0);
    place.start_block_step = starts ? kChannels : 0;
    place.start_panel_step = starts ? out.start_panel_step - width : 0;
    place.dst = word(out.pixels);
    place.dst_pixel_step = word(out.pixel_step);
    place.dst_panel_step = out.panel_step - width;
    place.first_bias = word(out.bias != nullptr ? out.bias : kTileConstants.minus_zeros);
    place.bias_step = out.bias != nullptr ? kChannels : 0;
    place.floor = word(out.relu ? kTileConstants.zeros : kTileConstants.no_floor);
    place.last_channels = word(out.channels - (kVectors - 1) * kLaneCount);
    const float* filter = in.filter;
    asm volatile("" : : "r"(&place) : "memory");
    for (; place.panels != 0; --place.panels) {
      place.bias = place.first_bias;
      place.filter = filter;
      for (place.blocks = place.blocks_per_panel; place.blocks != 0; --place.blocks) {
        run_tile<kForm>(place);
        place.filter += place.block_step;
        place.start += place.start_block_step;
        place.dst += kChannels;
        place.bias += place.bias_step;
      }
      place.pixels += place.panel_step;
      filter += in.panel_filter_step;
      place.start += place.start_panel_step;
      place.dst += place.dst_panel_step;
    }
  }

  template <Form kForm>
  static VARSCOPE_SIMD_INLINE void run_tile(const Place& place) noexcept {
    Sums sums;
    if constexpr (kForm == Form::bare) {
      unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
        unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { sums[p][v] = broadcast<Arch>(0.0f); });
      });
    } else {
      begin<kForm>(place, sums);
    }
    multiply<kForm == Form::fetching>(place, sums);
    finish<kForm>(place, sums);
  }

  // Where panels follow each other; and tiles of few steps are rather short, for the processor to begin the
  // next one meanwhile.
  static bool can_pair(const TileInput& in, const TileOutput& out) noexcept {
    constexpr std::int64_t kFewSteps = 32;
    return in.panels > 1 && in.rows * in.columns * in.channels >= kFewSteps && in.panel_filter_step == 0 &&
           in.panel_step == kPixels * in.pixel_step && out.panel_step == kPixels * out.pixel_step &&
           (out.start == nullptr || out.start_panel_step == kPixels * out.start_step);
  }

  // Panels that follow each other two at a time, and the last one of an odd number.
  static void run_pairs(const TileInput& in, const TileOutput& out) noexcept {
    TileInput rest_in = in;
    TileOutput rest_out = out;
    rest_in.panels = in.panels / 2;
    rest_in.panel_step = 2 * in.panel_step;
    rest_out.panel_step = 2 * out.panel_step;
    rest_out.start_panel_step = 2 * out.start_panel_step;
    RegisterTile<Arch, 2 * kPixels, kVectors>::run(rest_in, rest_out);
    if (in.panels % 2 == 0) return;
    const std::int64_t done = in.panels - 1;
    rest_in.panels = 1;
    rest_in.pixels += done * in.panel_step;
    rest_out.pixels += done * out.panel_step;
    if (out.start != nullptr) rest_out.start += done * out.start_panel_step;
    run(rest_in, rest_out);
  }

  // Several blocks at one time, what is left one by one.
  static void run_few(const TileInput& in, const TileOutput& out) noexcept {
    using Few = FewPixelsTile<Arch, kPixels, kVectors>;
    const std::int64_t together = in.blocks / Few::kBlocks * Few::kBlocks;
    if (together != 0) Few::run(in, out, together);
    if (together == in.blocks) return;
    TileInput rest_in = in;
    TileOutput rest_out = out;
    const std::int64_t channel = together * kChannels;
    rest_in.filter += together * in.block_step;
    rest_in.blocks -= together;
    rest_out.pixels += channel;
    if (out.bias != nullptr) rest_out.bias += channel;
    if (out.start != nullptr) rest_out.start += channel;
    run_whole<Form::plain>(rest_in, rest_out);
  }

  // Asks for the lines of one row of the output after another, and for as many floats of the next panel as a
  // turn of the inner loop reads: all of a tile's at once would keep the filter waiting.
  class Requests {
   public:
    VARSCOPE_SIMD_INLINE explicit Requests(const Place& place) noexcept
        : row_(place.dst),
          row_step_(place.dst_pixel_step),
          first_row_(place.dst),
          last_row_(place.dst + (kPixels - 1) * place.dst_pixel_step),
          pixels_(place.pixels + (place.adjacent_pixels ? place.panel_step : 0)),
          pixels_step_(place.adjacent_pixels ? kPixels * kUnrolled : 0) {}

    VARSCOPE_SIMD_INLINE void next() noexcept {
      unroll<kLinesOf<kChannels>>(
          [&](auto line) VARSCOPE_SIMD_LAMBDA { __builtin_prefetch(row_ + line * kLineFloats, 1); });
      row_ = row_ == last_row_ ? first_row_ : row_ + row_step_;
      unroll<kLinesOf<kPixels * kUnrolled>>(
          [&](auto line) VARSCOPE_SIMD_LAMBDA { __builtin_prefetch(pixels_ + line * kLineFloats); });
      pixels_ += pixels_step_;
    }

   private:
    const float* row_;
    std::int64_t row_step_;
    const float* first_row_;
    const float* last_row_;
    const float* pixels_;
    std::int64_t pixels_step_;
  };

  template <bool kFetch>
  static VARSCOPE_SIMD_INLINE void multiply(const Place& place, Sums& sums) noexcept {
    const float* filter = place.filter;
    [[maybe_unused]] Requests requests(place);
    PixelAddresses pixels(place.pixel_step);
    const float* row = place.pixels;
    for (std::int64_t r = place.rows; r != 0; --r, row += place.row_step) {
      const float* column = row;
      for (std::int64_t s = place.columns; s != 0; --s, column += place.column_step) {
        pixels.start_at(column);
        std::int64_t c = place.channels;
        for (; c >= kUnrolled; c -= kUnrolled) {
          unroll<kUnrolled>([&](auto i) VARSCOPE_SIMD_LAMBDA {
            pixels.keep_steps();
            multiply_channel<decltype(i)::value>(pixels, filter, sums);
          });
          if constexpr (kFetch) requests.next();
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

  // x86 addresses base + {0, 1, 2, 4} * step + constant without an instruction, so a base serves five pixels
  // with one register more for 3 * step.
  class PixelAddresses {
   public:
    VARSCOPE_SIMD_INLINE explicit PixelAddresses(std::int64_t step) noexcept
        : step_(step * static_cast<std::int64_t>(sizeof(float))), step3_(3 * step_) {}

    VARSCOPE_SIMD_INLINE void start_at(const float* first) noexcept {
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
    prefetch_filter<kChannels>(line);
    Floats<Arch> weights[kVectors];
    unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { weights[v] = load<Arch>(line + v * kLaneCount); });
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      const Floats<Arch> x = pixels.template load_channel<decltype(p)::value, kChannel>();
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { accumulate<Arch>(x, weights[v], &sums[p][v]); });
    });
  }

  // The bias is added here, where the processor has time for it; in the end, where the sums are late anyway,
  // it would cost 10 to 18 cycles a tile. One way for all cases: with another one the compiler would move all
  // sums from one set of registers to another.
  template <Form kForm>
  static VARSCOPE_SIMD_INLINE void begin(const Place& place, Sums& sums) noexcept {
    [[maybe_unused]] const FirstLanes<Arch> last(place.last_channels);
    const auto load_register = [&](const float* src, auto v) VARSCOPE_SIMD_LAMBDA {
      src += v * kLaneCount;
      return kForm == Form::ragged && v == kVectors - 1 ? last.load(src) : load<Arch>(src);
    };
    const float* start = place.start;
    const std::int64_t step = place.start_pixel_step;
    Floats<Arch> biases[kVectors];
    unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA { biases[v] = load_register(place.bias, v); });
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      unroll<kVectors>([&](auto v)
                           VARSCOPE_SIMD_LAMBDA { sums[p][v] = load_register(start, v) + biases[v]; });
      start += step;
    });
  }

  template <Form kForm>
  static VARSCOPE_SIMD_INLINE void finish(const Place& place, Sums& sums) noexcept {
    const Floats<Arch> floor = load<Arch>(place.floor);
    [[maybe_unused]] const FirstLanes<Arch> last(place.last_channels);
    float* dst = place.dst;
    const std::int64_t step = place.dst_pixel_step;
    unroll<kPixels>([&](auto p) VARSCOPE_SIMD_LAMBDA {
      unroll<kVectors>([&](auto v) VARSCOPE_SIMD_LAMBDA {
        const Floats<Arch> value = kForm == Form::bare ? sums[p][v] : xsimd::max(floor, sums[p][v]);
        float* const at = dst + v * kLaneCount;
        if constexpr (kForm == Form::ragged && v == kVectors - 1) {
          last.store(at, value);
        } else {
          store<Arch>(at, value);
        }
      });
      dst += step;
    });
  }
};

using RegisterTileFunction = void (*)(const TileInput& in, const TileOutput& out) noexcept;

template <typename Arch, int kVectors, typename Indices>
struct RegisterTileTable;

template <typename Arch, int kVectors, int... kIndices>
struct RegisterTileTable<Arch, kVectors, std::integer_sequence<int, kIndices...>> {
  static constexpr RegisterTileFunction kFunctions[] = {&RegisterTile<Arch, kIndices + 1, kVectors>::run...};
};

// The tile of `pixels` by `vectors` registers: 1 .. kTilePixels by 1 or 2, or up to two thirds of them by 3.
template <typename Arch>
VARSCOPE_SIMD_INLINE RegisterTileFunction register_tile(std::int64_t pixels, std::int64_t vectors) noexcept {
  using AllPixels = std::make_integer_sequence<int, kTilePixels<Arch>>;
  using FewerPixels = std::make_integer_sequence<int, kTilePixels<Arch> * 2 / 3>;
  return vectors == 1   ? RegisterTileTable<Arch, 1, AllPixels>::kFunctions[pixels - 1]
         : vectors == 2 ? RegisterTileTable<Arch, 2, AllPixels>::kFunctions[pixels - 1]
                        : RegisterTileTable<Arch, 3, FewerPixels>::kFunctions[pixels - 1];
}

// Cuts `count` pixels into register tiles of at most `most`, of nearly equal size: body(first pixel, pixels
// of a tile, tiles) for each rectangle of equal ones, two at most.
template <typename Body>
VARSCOPE_SIMD_INLINE void for_each_panels(std::int64_t count, std::int64_t most, Body&& body) noexcept {
  const std::int64_t panels = (count + most - 1) / most;
  const std::int64_t smaller_size = count / panels;
  const std::int64_t larger_panels = count % panels;
  if (larger_panels != 0) body(std::int64_t{0}, smaller_size + 1, larger_panels);
  body(larger_panels * (smaller_size + 1), smaller_size, panels - larger_panels);
}

// Cuts the output channels first to last into blocks of `width`: body(first channel, channels of a block,
// blocks) for the whole blocks and for a ragged last one, which stands alone.
template <typename Body>
VARSCOPE_SIMD_INLINE void for_each_blocks(std::int64_t first, std::int64_t last, std::int64_t width,
                                          Body&& body) noexcept {
  const std::int64_t whole = (last - first) / width;
  const std::int64_t ragged = first + whole * width;
  if (whole != 0) body(first, width, whole);
  if (ragged < last) body(ragged, last - ragged, std::int64_t{1});
}

}  // namespace
}  // namespace varscope::simd
