// SPDX-License-Identifier: Apache-2.0
// ScenarioKeys: names whose entries meet in small tables.
#pragma once

#include "scope/path.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace varscope::testing {

/// Keys 1, 6 and 7 want the same slot in tables of up to 16, and so do 0 and 3, which also have the same tag.
/// Found by a search, since where a name wants to be is up to the hash. Allocates nothing.
class ScenarioKeys {
 public:
  static constexpr int kCount = 8;

  ScenarioKeys() {
    constexpr std::uint64_t kSlots[kCount] = {1, 3, 12, 1, 0, 4, 3, 3};
    unsigned number = 0;  // goes on: no two keys are equal
    for (int key = 0; key < kCount; ++key) {
      do {
        set(key, number++);
      } while (hash(key) % 16 != kSlots[key] || (key == 3 && hash(3) >> 48U != hash(0) >> 48U));
    }
  }

  std::string_view operator[](int key) const noexcept { return {names_[key], sizes_[key]}; }
  std::uint64_t hash(int key) const noexcept { return detail::Path((*this)[key]).hash(); }

 private:
  void set(int key, unsigned number) noexcept {
    char* const name = names_[key];
    name[0] = 'k';
    sizes_[key] = static_cast<std::size_t>(std::to_chars(name + 1, name + kSize, number).ptr - name);
  }

  static constexpr std::size_t kSize = 16;
  char names_[kCount][kSize];
  std::size_t sizes_[kCount];
};

inline const ScenarioKeys scenario_keys;

}  // namespace varscope::testing
