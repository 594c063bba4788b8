// SPDX-License-Identifier: Apache-2.0
// Path: the full name of a variable, operation or scope, "conv1/weights", without building the string; and
// its hash, which a scope keeps ready so that a lookup hashes only the leaf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace varscope::detail {

/// p^0 to p^8 for the hash of a path.
struct PathHashPowers {
  std::uint64_t of[9] = {1};
  constexpr PathHashPowers() {
    for (int power = 1; power < 9; ++power) of[power] = of[power - 1] * 0x9E3779B97F4A7C15U;
  }
};
inline constexpr PathHashPowers path_hash_powers;

/// The hash of a path, continued from left to right: a polynomial in its characters, modulo 2^64, so that it
/// is the same however the path was split, with a final mix (Stafford's variant 13) that spreads it over all
/// 64 bits. Of eight characters, the next state is s * p^8 + c0 * p^7 + ... + c7: eight multiplications that
/// wait for nothing but their characters, where one character at a time would wait for the one before.
class PathHash {
 public:
  constexpr PathHash() = default;
  /// Goes on from where another hash was: `PathHash(hash.state())` equals `hash`.
  constexpr explicit PathHash(std::uint64_t state) noexcept : state_(state) {}

  constexpr PathHash then(std::string_view text) const noexcept {
    std::uint64_t state = state_;
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 8; left -= 8, at += 8) {
      state = state * path_hash_powers.of[8] + term(at, 0, 7) + term(at, 1, 6) + term(at, 2, 5) +
              term(at, 3, 4) + term(at, 4, 3) + term(at, 5, 2) + term(at, 6, 1) + term(at, 7, 0);
    }
    state *= path_hash_powers.of[left];
    for (std::size_t index = 0; index < left; ++index) state += term(at, index, left - 1 - index);
    return PathHash(state);
  }

  constexpr std::uint64_t state() const noexcept { return state_; }

  constexpr std::uint64_t value() const noexcept {
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }

  friend constexpr bool operator==(PathHash, PathHash) = default;

 private:
  static constexpr std::uint64_t term(const char* characters, std::size_t index, std::size_t power) noexcept {
    return static_cast<unsigned char>(characters[index]) * path_hash_powers.of[power];
  }

  std::uint64_t state_ = 0xCBF29CE484222325U;
};

/// scope + "/" + leaf, or the leaf alone if the scope's name is empty. Refers to its parts.
class Path {
 public:
  explicit Path(std::string_view whole) noexcept : leaf_(whole), hash_(PathHash().then(whole).value()) {}

  /// Requires: `scope_hash` is PathHash().then(scope).
  Path(std::string_view scope, PathHash scope_hash, std::string_view leaf) noexcept
      : scope_(scope),
        leaf_(leaf),
        hash_((scope.empty() ? PathHash() : scope_hash.then("/")).then(leaf).value()) {}

  std::uint64_t hash() const noexcept { return hash_; }

  std::size_t size() const noexcept {
    return scope_.empty() ? leaf_.size() : scope_.size() + 1 + leaf_.size();
  }

  bool equals(std::string_view key) const noexcept {
    if (key.size() != size()) return false;
    const std::size_t before_leaf = key.size() - leaf_.size();
    if (!same(key.data() + before_leaf, leaf_.data(), leaf_.size())) return false;
    return scope_.empty() || (key[before_leaf - 1] == '/' && same(key.data(), scope_.data(), scope_.size()));
  }

  /// Writes size() characters.
  void copy_to(char* out) const noexcept {
    if (!scope_.empty()) {
      std::memcpy(out, scope_.data(), scope_.size());
      out[scope_.size()] = '/';
      out += scope_.size() + 1;
    }
    if (!leaf_.empty()) std::memcpy(out, leaf_.data(), leaf_.size());
  }

  std::string to_string() const {
    std::string text(size(), '\0');
    copy_to(text.data());
    return text;
  }

 private:
  /// Eight characters at a time: names are short, and a call of memcmp() costs as much as comparing them.
  static bool same(const char* one, const char* other, std::size_t size) noexcept {
    const auto differ = [&](std::size_t at) { return word(one + at) != word(other + at); };
    if (size < 8) {
      for (std::size_t at = 0; at < size; ++at) {
        if (one[at] != other[at]) return false;
      }
      return true;
    }
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (differ(at)) return false;
    }
    return !differ(size - 8);
  }

  static std::uint64_t word(const char* characters) noexcept {
    std::uint64_t word;
    std::memcpy(&word, characters, sizeof word);
    return word;
  }

  std::string_view scope_;
  std::string_view leaf_;
  std::uint64_t hash_;
};

}  // namespace varscope::detail
