// SPDX-License-Identifier: Apache-2.0
// Which random numbers belong to what. A number is a function of the user's seed, of what it is for, and of a
// position, so that it is the same whoever asks for it, and when.
#pragma once

#include <varscope/philox.hpp>

#include <cstdint>

namespace varscope::input {

/// What a number is for; numbers for different things are independent. The values are part of what a seed
/// means: never change them.
enum class Purpose : std::uint64_t { order = 1, example, crop, flip, brightness, contrast };

/// Two words of 64 random bits.
struct Words {
  std::uint64_t first;
  std::uint64_t second;
};

/// `position` is the number of an image or a step, `epoch` is below 2^56.
inline Words random_words(std::uint64_t seed, Purpose purpose, std::uint64_t position,
                          std::uint64_t epoch = 0) noexcept {
  const Philox::Block block = Philox(seed)(position, static_cast<std::uint64_t>(purpose) << 56U ^ epoch);
  return {std::uint64_t{block[1]} << 32U | block[0], std::uint64_t{block[3]} << 32U | block[2]};
}

/// One of 0 .. count - 1, with a bias below count / 2^64. Requires: 0 < count.
inline std::int64_t below(std::int64_t count, std::uint64_t word) noexcept {
  __extension__ using Product = unsigned __int128;
  return static_cast<std::int64_t>(Product{word} * static_cast<std::uint64_t>(count) >> 64U);
}

/// A number of [low, high].
inline float between(float low, float high, std::uint64_t word) noexcept {
  const double unit = static_cast<double>(word >> 11U) * 0x1p-53;
  return static_cast<float>(low + unit * (static_cast<double>(high) - low));
}

}  // namespace varscope::input
