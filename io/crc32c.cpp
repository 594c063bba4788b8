// SPDX-License-Identifier: Apache-2.0
#include "crc32c.hpp"

#include <array>
#include <cstring>

namespace varscope::io {

namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // Castagnoli's, lowest bit first

/// tables[k][b]: what byte b does to the remainder once k zero bytes have followed it (slicing by 8).
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? kPolynomial : 0);
    }
    tables[0][byte] = remainder;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

std::uint32_t load_u32(const std::byte* from) noexcept {
  std::uint32_t value = 0;
  for (int k = 3; k >= 0; --k) value = (value << 8) | std::to_integer<std::uint32_t>(from[k]);
  return value;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::span<const std::byte> bytes,
                                                                      std::uint32_t previous) noexcept {
  std::uint64_t remainder = ~previous;
  const std::byte* next = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, next += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, next, sizeof word);
    remainder = __builtin_ia32_crc32di(remainder, word);
  }
  auto narrow = static_cast<std::uint32_t>(remainder);
  for (; left > 0; --left, ++next)
    narrow = __builtin_ia32_crc32qi(narrow, std::to_integer<std::uint8_t>(*next));
  return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_by_tables(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  std::uint32_t remainder = ~previous;
  const std::byte* next = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, next += 8) {
    const std::uint32_t low = load_u32(next) ^ remainder;
    const std::uint32_t high = load_u32(next + 4);
    remainder = kTables[7][low & 0xFF] ^ kTables[6][(low >> 8) & 0xFF] ^ kTables[5][(low >> 16) & 0xFF] ^
                kTables[4][low >> 24] ^ kTables[3][high & 0xFF] ^ kTables[2][(high >> 8) & 0xFF] ^
                kTables[1][(high >> 16) & 0xFF] ^ kTables[0][high >> 24];
  }
  for (; left > 0; --left, ++next) {
    remainder = (remainder >> 8) ^ kTables[0][(remainder ^ std::to_integer<std::uint32_t>(*next)) & 0xFF];
  }
  return ~remainder;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return crc32c_by_instruction(bytes, previous);
#endif
  return crc32c_by_tables(bytes, previous);
}

}  // namespace varscope::io
