// SPDX-License-Identifier: Apache-2.0
// A number that tells one packed layout from another (PackedInput::layout).
#pragma once

#include <cstdint>
#include <initializer_list>

namespace varscope::detail {

/// 64 bits of hash over what the layout depends on (FNV-1a over whole words, with a final mix).
constexpr std::uint64_t layout_key(std::initializer_list<std::int64_t> facts) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::int64_t fact : facts) {
    hash = (hash ^ static_cast<std::uint64_t>(fact)) * 0x100000001b3U;
    hash ^= hash >> 29U;
  }
  return hash;
}

}  // namespace varscope::detail
