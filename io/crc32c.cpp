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

// Remainders are polynomials over two elements, with the coefficient of x^0 in the highest bit. A message
// followed by n zero bytes has its remainder multiplied by x^(8n), which is how the remainders of parts
// become that of the whole.

constexpr std::uint32_t kOne = 0x80000000;  // x^0

/// The product modulo the polynomial.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t product = 0;
  for (std::uint32_t power = kOne; power != 0; power >>= 1) {
    if ((a & power) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);  // times x
  }
  return product;
}

/// kSquares[k]: x^(8 * 2^k), what 2^k zero bytes multiply by.
using Squares = std::array<std::uint32_t, 64>;

constexpr Squares make_squares() {
  Squares squares{};
  squares[0] = kOne >> 8;
  for (std::size_t k = 1; k < squares.size(); ++k) squares[k] = multiply(squares[k - 1], squares[k - 1]);
  return squares;
}

constexpr Squares kSquares = make_squares();

/// x^(8 * bytes).
constexpr std::uint32_t factor_of_zeros(std::uint64_t bytes) noexcept {
  std::uint32_t factor = kOne;
  for (std::size_t k = 0; bytes != 0; ++k, bytes >>= 1) {
    if ((bytes & 1) != 0) factor = multiply(factor, kSquares[k]);
  }
  return factor;
}

std::uint32_t load_u32(const std::byte* from) noexcept {
  std::uint32_t value = 0;
  for (int k = 3; k >= 0; --k) value = (value << 8) | std::to_integer<std::uint32_t>(from[k]);
  return value;
}

#if defined(__x86_64__)
/// The instruction takes three cycles, but a new one can start in each: three parts are worked on at once.
constexpr std::size_t kLaneBytes = 2048;

/// shift[k][b]: byte k of a remainder, times x^(8 * kLaneBytes).
constexpr std::array<std::array<std::uint32_t, 256>, 4> make_lane_shift() {
  std::array<std::array<std::uint32_t, 256>, 4> shift{};
  const std::uint32_t factor = factor_of_zeros(kLaneBytes);
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t bit = 0; bit < 8; ++bit) {
      const std::uint32_t product = multiply(std::uint32_t{1} << (8 * k + bit), factor);
      for (std::size_t byte = 0; byte < 256; ++byte) {
        if (((byte >> bit) & 1) != 0) shift[k][byte] ^= product;
      }
    }
  }
  return shift;
}

constexpr auto kLaneShift = make_lane_shift();

std::uint32_t shift_by_lane(std::uint32_t remainder) noexcept {
  return kLaneShift[0][remainder & 0xFF] ^ kLaneShift[1][(remainder >> 8) & 0xFF] ^
         kLaneShift[2][(remainder >> 16) & 0xFF] ^ kLaneShift[3][remainder >> 24];
}

std::uint64_t load_u64(const std::byte* from) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::span<const std::byte> bytes,
                                                                      std::uint32_t previous) noexcept {
  std::uint64_t remainder = static_cast<std::uint32_t>(~previous);
  const std::byte* next = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kLaneBytes; left -= 3 * kLaneBytes, next += 3 * kLaneBytes) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t at = 0; at < kLaneBytes; at += 8) {
      remainder = __builtin_ia32_crc32di(remainder, load_u64(next + at));
      second = __builtin_ia32_crc32di(second, load_u64(next + kLaneBytes + at));
      third = __builtin_ia32_crc32di(third, load_u64(next + 2 * kLaneBytes + at));
    }
    remainder = shift_by_lane(static_cast<std::uint32_t>(remainder)) ^ second;
    remainder = shift_by_lane(static_cast<std::uint32_t>(remainder)) ^ third;
  }
  for (; left >= 8; left -= 8, next += 8) remainder = __builtin_ia32_crc32di(remainder, load_u64(next));
  auto narrow = static_cast<std::uint32_t>(remainder);
  for (; left > 0; --left, ++next) {
    narrow = __builtin_ia32_crc32qi(narrow, std::to_integer<std::uint8_t>(*next));
  }
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

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) noexcept {
  // The initial value and the final XOR of both cancel out.
  return multiply(factor_of_zeros(second_bytes), first) ^ second;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return crc32c_by_instruction(bytes, previous);
#endif
  return crc32c_by_tables(bytes, previous);
}

}  // namespace varscope::io
