// SPDX-License-Identifier: Apache-2.0
// Compiled with -ffp-contract=off, see elementary_functions.hpp.
#include "scope/random_values.hpp"

#include "scope/elementary_functions.hpp"

#include <varscope/philox.hpp>

#include <bit>
#include <cmath>

namespace varscope::detail {

namespace {

/// Calls `make(block, first, values)` for each block that [begin, end) touches, `first` being the position of
/// its first number, and stores those of the values that lie in the range.
template <int PerBlock, typename Value, typename Make>
void fill_by_blocks(const Philox& philox, Elements elements, SeedPair seeds, Make&& make) noexcept {
  auto* const out = static_cast<Value*>(elements.out);
  for (std::int64_t position = elements.begin; position < elements.end;) {
    const std::int64_t first = position - position % PerBlock;
    Value values[PerBlock];
    make(philox(static_cast<std::uint64_t>(first / PerBlock), seeds.second), first, values);
    for (; position < first + PerBlock && position < elements.end; ++position) {
      out[position] = values[position - first];
    }
  }
}

std::uint64_t two_words(const Philox::Block& block, int pair) noexcept {
  return (std::uint64_t{block[static_cast<std::size_t>(2 * pair)]} << 32U) |
         block[static_cast<std::size_t>(2 * pair + 1)];
}

/// In [0, 1), with the random bits as the mantissa of a number in [1, 2).
float unit_interval(std::uint32_t word) noexcept {
  return std::bit_cast<float>((word & 0x7FFFFFU) | 0x3F800000U) - 1.0F;
}
double unit_interval(std::uint64_t words) noexcept {
  return std::bit_cast<double>((words >> 12U) | 0x3FF0000000000000U) - 1.0;
}

/// Two independent standard normal numbers from two uniform ones: `radius` in (0, 1), `turns` in [0, 1).
SineCosine box_muller(double radius, double turns) noexcept {
  const double scale = std::sqrt(-2 * natural_logarithm(radius));  // IEEE 754: correctly rounded
  const SineCosine point = sine_and_cosine_of_turns(turns);
  return {scale * point.sine, scale * point.cosine};
}

/// How many standard normal numbers a block makes: a float32 takes one word, a float64 two.
template <typename Float>
constexpr int kNormalsPerBlock = sizeof(Float) == sizeof(float) ? 4 : 2;

template <typename Float>
void standard_normals(const Philox::Block& block, double* z) noexcept {
  if constexpr (sizeof(Float) == sizeof(float)) {
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const SineCosine normals = box_muller((block[2 * pair] + 0.5) * 0x1p-32, block[2 * pair + 1] * 0x1p-32);
      z[2 * pair] = normals.sine;
      z[2 * pair + 1] = normals.cosine;
    }
  } else {
    const SineCosine normals = box_muller((static_cast<double>(two_words(block, 0) >> 12U) + 0.5) * 0x1p-52,
                                          static_cast<double>(two_words(block, 1) >> 11U) * 0x1p-53);
    z[0] = normals.sine;
    z[1] = normals.cosine;
  }
}

/// The first acceptable number among those of the blocks that are the element's own: its position in the low
/// 56 bits of the counter, 1 to 255 above (0: the blocks that all numbers are first drawn from).
template <typename Float>
double draw_again(const Philox& philox, std::uint64_t position, std::uint64_t second_seed) noexcept {
  for (std::uint64_t attempt = 1; attempt < 256; ++attempt) {
    double z[kNormalsPerBlock<Float>];
    standard_normals<Float>(philox((attempt << 56U) | position, second_seed), z);
    for (const double candidate : z) {
      if (std::abs(candidate) < 2) return candidate;
    }
  }
  return 0;  // comes with a probability below 10^-600
}

}  // namespace

template <typename Float>
void fill_uniform(Elements elements, SeedPair seeds, double low, double high) noexcept {
  // Rounding may give the upper end, which does not belong to the interval.
  const Float limit = std::nextafter(static_cast<Float>(high), static_cast<Float>(low));
  const auto place = [&](double unit) {
    const auto value = static_cast<Float>(unit * (high - low) + low);
    return value < static_cast<Float>(high) ? value : limit;
  };
  constexpr int per_block = sizeof(Float) == sizeof(float) ? 4 : 2;
  fill_by_blocks<per_block, Float>(
      Philox(seeds.first), elements, seeds, [&](const Philox::Block& block, std::int64_t, Float* values) {
        for (int slot = 0; slot < per_block; ++slot) {
          if constexpr (per_block == 4) {
            values[slot] = place(unit_interval(block[static_cast<std::size_t>(slot)]));
          } else {
            values[slot] = place(unit_interval(two_words(block, slot)));
          }
        }
      });
}

template <typename Integer>
void fill_uniform_integers(Elements elements, SeedPair seeds, std::int64_t low, std::int64_t high) noexcept {
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  fill_by_blocks<2, Integer>(
      Philox(seeds.first), elements, seeds, [&](const Philox::Block& block, std::int64_t, Integer* values) {
        for (int slot = 0; slot < 2; ++slot) {
          // The upper 64 bits of words * count, put together from products of 32-bit halves.
          const std::uint64_t words = two_words(block, slot);
          const std::uint64_t lower = (words & 0xFFFFFFFFU) * (count & 0xFFFFFFFFU);
          const std::uint64_t middle = (words >> 32U) * (count & 0xFFFFFFFFU) + (lower >> 32U);
          const std::uint64_t other = (words & 0xFFFFFFFFU) * (count >> 32U) + (middle & 0xFFFFFFFFU);
          const std::uint64_t offset = (words >> 32U) * (count >> 32U) + (middle >> 32U) + (other >> 32U);
          values[slot] = static_cast<Integer>(static_cast<std::uint64_t>(low) + offset);
        }
      });
}

template <typename Float>
void fill_normal(Elements elements, SeedPair seeds, double mean, double stddev) noexcept {
  constexpr int per_block = kNormalsPerBlock<Float>;
  fill_by_blocks<per_block, Float>(Philox(seeds.first), elements, seeds,
                                   [&](const Philox::Block& block, std::int64_t, Float* values) {
                                     double z[per_block];
                                     standard_normals<Float>(block, z);
                                     for (int slot = 0; slot < per_block; ++slot)
                                       values[slot] = static_cast<Float>(z[slot] * stddev + mean);
                                   });
}

template <typename Float>
void fill_truncated_normal(Elements elements, SeedPair seeds, double mean, double stddev) noexcept {
  constexpr int per_block = kNormalsPerBlock<Float>;
  const Philox philox(seeds.first);
  const auto make = [&](const Philox::Block& block, std::int64_t first, Float* values) {
    double z[per_block];
    standard_normals<Float>(block, z);
    for (int slot = 0; slot < per_block; ++slot) {
      if (!(std::abs(z[slot]) < 2)) {
        z[slot] = draw_again<Float>(philox, static_cast<std::uint64_t>(first + slot), seeds.second);
      }
      values[slot] = static_cast<Float>(z[slot] * stddev + mean);
    }
  };
  fill_by_blocks<per_block, Float>(philox, elements, seeds, make);
}

template void fill_uniform<float>(Elements, SeedPair, double, double) noexcept;
template void fill_uniform<double>(Elements, SeedPair, double, double) noexcept;
template void fill_uniform_integers<std::int32_t>(Elements, SeedPair, std::int64_t, std::int64_t) noexcept;
template void fill_uniform_integers<std::int64_t>(Elements, SeedPair, std::int64_t, std::int64_t) noexcept;
template void fill_normal<float>(Elements, SeedPair, double, double) noexcept;
template void fill_normal<double>(Elements, SeedPair, double, double) noexcept;
template void fill_truncated_normal<float>(Elements, SeedPair, double, double) noexcept;
template void fill_truncated_normal<double>(Elements, SeedPair, double, double) noexcept;

}  // namespace varscope::detail
