// SPDX-License-Identifier: Apache-2.0
// Path: the full name of a variable, operation or scope, "conv1/weights", without building the string; and
// its hash, which a scope keeps ready so that a lookup hashes only the leaf.
#pragma once

#include "scope/sixteen_characters.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace varscope::detail {

/// How the hash of a path begins: mixes all complete blocks of sixteen characters into 64 bits, from left to
/// right. value(), the hash of the path, also mixes in its last sixteen characters, which reach what stands
/// behind the last block, and its size. So it depends on the characters only, not on how the path was split.
/// Words are mixed by a multiplication to 128 bits whose halves are folded, as in wyhash (Wang Yi, 2019) and
/// MUM hash (Makarov, 2016). The second fold of value() is needed: behind the first alone, names that differ
/// in a number at their end lie as unevenly as the numbers. Hashes are never stored.
class PathHash {
 public:
  constexpr PathHash() = default;
  /// Of all complete blocks of `text`.
  explicit PathHash(std::string_view text) noexcept {
    const char* at = text.data();
    for (std::size_t left = text.size(); left >= 16; left -= 16, at += 16) {
      absorb(SixteenCharacters::load(at));
    }
  }
  /// What lookups in a scope go on from: all complete blocks of `scope` + "/", or none if it is empty.
  static PathHash of_scope(std::string_view scope) noexcept {
    PathHash hash(scope);
    if (scope.size() % 16 == 15) hash.absorb(SixteenCharacters::last_of_with_slash(scope));
    return hash;
  }
  /// Goes on from where another hash was: `from_state(hash.state())` equals `hash`.
  static constexpr PathHash from_state(std::uint64_t state) noexcept {
    PathHash hash;
    hash.state_ = state;
    return hash;
  }
  constexpr std::uint64_t state() const noexcept { return state_; }

  void absorb(SixteenCharacters block) noexcept {
    state_ = fold(state_ ^ block.low, block.high ^ kMultiplier);
  }

  std::uint64_t value(SixteenCharacters last, std::size_t size) const noexcept {
    return fold(fold(state_ ^ last.low, last.high ^ kMultiplier), kMultiplier + size);
  }

  friend constexpr bool operator==(PathHash, PathHash) = default;

 private:
  static std::uint64_t fold(std::uint64_t one, std::uint64_t other) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(one) * other;
    return static_cast<std::uint64_t>(product >> 64U) ^ static_cast<std::uint64_t>(product);
  }

  static constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15U;  // of the golden ratio, odd
  std::uint64_t state_ = 0x243F6A8885A308D3U;                        // of pi
};

/// scope + "/" + leaf, or the leaf alone if the scope's name is empty. Refers to its parts.
class Path {
 public:
  explicit Path(std::string_view whole) noexcept
      : front_(whole),
        size_(whole.size()),
        last_(SixteenCharacters::last_of(whole)),
        hash_(PathHash(whole).value(last_, size_)) {}

  /// Requires: `scope_hash` is PathHash::of_scope(scope).
  [[gnu::always_inline]] inline Path(std::string_view scope, PathHash scope_hash,
                                     std::string_view leaf) noexcept {
    if (scope.empty()) {
      *this = Path(leaf);
      return;
    }
    front_ = scope;
    leaf_ = leaf;
    size_ = scope.size() + 1 + leaf.size();
    const SixteenCharacters before = SixteenCharacters::last_of_with_slash(scope);
    const std::size_t begun = (scope.size() + 1) % 16;
    if (begun + leaf.size() >= 16) scope_hash = absorb_leaf(scope_hash, before, begun, leaf);
    last_ = before.then(leaf);
    hash_ = scope_hash.value(last_, size_);
  }

  std::uint64_t hash() const noexcept { return hash_; }
  std::size_t size() const noexcept { return size_; }

  /// How an entry keeps a path: its characters, behind zeros if they are fewer than sixteen, so that the last
  /// sixteen are compared without asking for the size.
  std::size_t stored_size() const noexcept { return size_ < 16 ? 16 : size_; }

  /// Writes stored_size() characters.
  void store(char* out) const noexcept {
    if (size_ < 16) std::memset(out, 0, 16);
    copy_to(out + (stored_size() - size_));
  }

  /// Whether this is the path that has been stored there. Requires: it has the size of this one.
  bool is_stored_at(const char* stored) const noexcept {
    if (is_plainly_stored_at(stored)) return true;
    stored += stored_size() - size_;
    if (!front_.empty() && std::memcmp(stored, front_.data(), front_.size()) != 0) return false;
    if (size_ == front_.size()) return true;
    return stored[front_.size()] == '/' &&
           (leaf_.empty() || std::memcmp(stored + front_.size() + 1, leaf_.data(), leaf_.size()) == 0);
  }

  /// The same without a loop or a call, for most paths of up to 32 characters; false for all others.
  [[gnu::always_inline]] inline bool is_plainly_stored_at(const char* stored) const noexcept {
    if (size_ <= 16) return SixteenCharacters::load(stored) == last_;
    // What stands before the last sixteen is compared in two halves, which may overlap.
    const std::size_t rest = size_ - 16;
    const std::size_t compared = front_.size() < 16 ? front_.size() : 16;
    if (rest > compared || compared < 8) return false;
    return SixteenCharacters::load(stored + rest) == last_ &&
           SixteenCharacters::load_halves(front_.data(), compared - 8) ==
               SixteenCharacters::load_halves(stored, compared - 8);
  }

  /// Writes size() characters.
  void copy_to(char* out) const noexcept {
    if (!front_.empty()) std::memcpy(out, front_.data(), front_.size());
    if (size_ == front_.size()) return;
    out[front_.size()] = '/';
    if (!leaf_.empty()) std::memcpy(out + front_.size() + 1, leaf_.data(), leaf_.size());
  }

  std::string to_string() const {
    std::string text(size(), '\0');
    copy_to(text.data());
    return text;
  }

 private:
  /// All blocks that end in the leaf; the first of them has `begun` characters before it.
  [[gnu::always_inline]] static inline PathHash absorb_leaf(PathHash hash, SixteenCharacters before,
                                                            std::size_t begun,
                                                            std::string_view leaf) noexcept {
    if (begun > 0) {
      hash.absorb(before.then(leaf.substr(0, 16 - begun)));
      leaf.remove_prefix(16 - begun);
    }
    for (; leaf.size() >= 16; leaf.remove_prefix(16)) hash.absorb(SixteenCharacters::load(leaf.data()));
    return hash;
  }

  std::string_view front_;  // the scope, or all of the path
  std::string_view leaf_;   // what follows it and a "/", if the scope is not all
  std::size_t size_ = 0;
  SixteenCharacters last_;
  std::uint64_t hash_ = 0;
};

}  // namespace varscope::detail
