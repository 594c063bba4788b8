// SPDX-License-Identifier: Apache-2.0
// SixteenCharacters: the end of a text, or a block of it, in two registers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace varscope::detail {

/// Sixteen characters: `low` has the first eight, each word its first character in its lowest bits, on every
/// machine. A text of fewer is at the end, behind zeros. Nothing outside of a text is ever read; texts of
/// four characters or more are loaded by words that overlap, without a loop.
struct SixteenCharacters {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  static SixteenCharacters load(const char* characters) noexcept {
    return {word<std::uint64_t>(characters), word<std::uint64_t>(characters + 8)};
  }

  /// Eight characters, and eight from `second` on.
  static SixteenCharacters load_halves(const char* characters, std::size_t second) noexcept {
    return {word<std::uint64_t>(characters), word<std::uint64_t>(characters + second)};
  }

  /// The last sixteen characters of `text`, or all.
  [[gnu::always_inline]] static inline SixteenCharacters last_of(std::string_view text) noexcept {
    return SixteenCharacters().then(text);
  }

  /// The last sixteen of these and `text`.
  [[gnu::always_inline]] inline SixteenCharacters then(std::string_view text) const noexcept {
    const std::size_t size = text.size();
    const char* const begin = text.data();
    const char* const end = begin + size;
    if (size >= 8) {
      if (size >= 16) return load(end - 16);
      // Two shifts, since one may be by all 64 bits.
      const std::uint64_t first = word<std::uint64_t>(begin) << 8U << (8 * (15 - size));
      return {first | high >> (8 * (size - 8)), word<std::uint64_t>(end - 8)};
    }
    const std::size_t kept = 8 * (8 - size);
    std::uint64_t added = 0;
    if (size >= 4) {
      added = word<std::uint32_t>(begin) << kept | word<std::uint32_t>(end - 4) << 32U;
    } else {
      if (size == 0) return *this;
      const auto character = [&](std::size_t at) {
        return std::uint64_t{static_cast<unsigned char>(begin[at])} << (kept + 8 * at);
      };
      added = character(0) | character(size / 2) | character(size - 1);
    }
    return {low >> (8 * size) | high << kept, high >> (8 * size) | added};
  }

  /// The last sixteen characters of `text` + "/", or all.
  [[gnu::always_inline]] static inline SixteenCharacters last_of_with_slash(std::string_view text) noexcept {
    constexpr std::uint64_t kSlash = std::uint64_t{'/'} << 56U;
    const char* const end = text.data() + text.size();
    if (text.size() >= 15)
      return {word<std::uint64_t>(end - 15), word<std::uint64_t>(end - 8) >> 8U | kSlash};
    const SixteenCharacters last = last_of(text);
    return {last.low >> 8U | last.high << 56U, last.high >> 8U | kSlash};
  }

  friend bool operator==(const SixteenCharacters& one, const SixteenCharacters& other) noexcept {
    return ((one.low ^ other.low) | (one.high ^ other.high)) == 0;  // one branch
  }

 private:
  template <typename Word>
  static std::uint64_t word(const char* characters) noexcept {
    Word word;
    std::memcpy(&word, characters, sizeof word);
    if constexpr (std::endian::native == std::endian::big) {
      std::uint64_t swapped = 0;
      for (std::size_t byte = 0; byte < sizeof word; ++byte, word >>= 8U)
        swapped = swapped << 8U | (word & 0xFFU);
      return swapped;
    }
    return word;
  }
};

}  // namespace varscope::detail
