// SPDX-License-Identifier: Apache-2.0
// Philox-4x32-10: random numbers by counter, for what must come out the same on any number of threads and
// wherever it is resumed. Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
// (2011); the generator that TensorFlow uses.
#pragma once

#include <array>
#include <cstdint>

namespace varscope {

/// A function from a counter to four words that look random; each key gives another one. A value without
/// state, hence thread-safe. The numbers are those of the published algorithm and never change.
class Philox {
 public:
  using Block = std::array<std::uint32_t, 4>;

  /// The key's two words, low one first.
  constexpr explicit Philox(std::uint64_t key) noexcept
      : key_{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U)} {}

  /// The block of a counter of four words: `low` is words 0 and 1, `high` words 2 and 3.
  constexpr Block operator()(std::uint64_t low, std::uint64_t high) const noexcept {
    Block counter{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32U),
                  static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32U)};
    std::uint32_t key0 = key_[0];
    std::uint32_t key1 = key_[1];
    for (int round = 0; round < kRounds; ++round) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter[0];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter[2];
      counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key0,
                 static_cast<std::uint32_t>(product1),
                 static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key1,
                 static_cast<std::uint32_t>(product0)};
      key0 += 0x9E3779B9U;  // golden ratio
      key1 += 0xBB67AE85U;  // square root of 3, less 1
    }
    return counter;
  }

 private:
  static constexpr int kRounds = 10;
  std::array<std::uint32_t, 2> key_;
};

}  // namespace varscope
