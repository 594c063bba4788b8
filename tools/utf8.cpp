// SPDX-License-Identifier: Apache-2.0
#include "utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace varscope::tools {

namespace {

/// Bytes of the character at the beginning; 0 if there is none.
std::size_t character_bytes(std::string_view bytes) noexcept {
  const auto at = [&](std::size_t k) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[k]));
  };
  const std::uint32_t first = at(0);
  if (first < 0x80) return 1;
  const std::size_t count = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || bytes.size() < count) return 0;
  std::uint32_t code = first & (0x7FU >> count);
  for (std::size_t k = 1; k < count; ++k) {
    if ((at(k) & 0xC0U) != 0x80U) return 0;
    code = code << 6 | (at(k) & 0x3FU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < kLeast[count] || code > 0x10FFFF || surrogate ? 0 : count;
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t count = character_bytes(bytes);
    if (count == 0) return false;
    bytes.remove_prefix(count);
  }
  return true;
}

std::string printable(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  while (!bytes.empty()) {
    std::size_t count = character_bytes(bytes);
    const auto first = static_cast<unsigned char>(bytes.front());
    const bool control = (first < 0x20 && first != '\n') || first == 0x7F ||
                         (count == 2 && first == 0xC2 && static_cast<unsigned char>(bytes[1]) < 0xA0);
    if (count == 0 || control) {
      text += {'\\', 'x', kDigits[first >> 4], kDigits[first & 15]};
      count = 1;
    } else {
      text += bytes.substr(0, count);
    }
    bytes.remove_prefix(count);
  }
  return text;
}

}  // namespace varscope::tools
