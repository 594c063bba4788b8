// SPDX-License-Identifier: Apache-2.0
// Path: the full name of a variable, operation or scope, "conv1/weights", without building the string; and
// its hash, which a scope keeps ready so that a lookup hashes only the leaf.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace varscope::detail {

/// The hash of a path, continued from left to right: FNV-1a, so that it is the same however the path was
/// split, with a final mix (Stafford's variant 13) that spreads it over all 64 bits.
class PathHash {
 public:
  constexpr PathHash() = default;
  /// Goes on from where another hash was: `PathHash(hash.state())` equals `hash`.
  constexpr explicit PathHash(std::uint64_t state) noexcept : state_(state) {}

  constexpr PathHash then(std::string_view text) const noexcept {
    std::uint64_t state = state_;
    for (const char character : text) {
      state = (state ^ static_cast<unsigned char>(character)) * 0x100000001B3U;
    }
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
    if (scope_.empty()) return key == leaf_;
    return key[scope_.size()] == '/' && key.substr(scope_.size() + 1) == leaf_ && key.starts_with(scope_);
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
  std::string_view scope_;
  std::string_view leaf_;
  std::uint64_t hash_;
};

}  // namespace varscope::detail
