// SPDX-License-Identifier: Apache-2.0
#include "crc32c.hpp"
#include "support/random.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_crc32c)

namespace io = varscope::io;
using varscope::testing::Random;

static std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// One bit at a time, straight from the definition.
static std::uint32_t slow_crc32c(std::span<const std::byte> bytes) {
  std::uint32_t remainder = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    remainder ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder & 1) != 0 ? (remainder >> 1) ^ 0x82F63B78 : remainder >> 1;
    }
  }
  return ~remainder;
}

BOOST_AUTO_TEST_CASE(known_values) {  // RFC 3720, B.4, and the catalogue's check value
  BOOST_TEST(io::crc32c({}) == 0u);
  BOOST_TEST(io::crc32c(bytes_of("123456789")) == 0xE3069283u);
  BOOST_TEST(io::crc32c(std::vector<std::byte>(32, std::byte{0})) == 0x8A9136AAu);
  BOOST_TEST(io::crc32c(std::vector<std::byte>(32, std::byte{0xFF})) == 0x62A8AB43u);
}

BOOST_AUTO_TEST_CASE(every_length_and_split_agrees_with_the_definition) {
  Random random;
  std::vector<std::byte> bytes(100);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.integer(0, 255));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::span<const std::byte> all = std::span<const std::byte>(bytes).first(size);
    const std::size_t split = random.integer<std::size_t>(0, size);
    const std::uint32_t expected = slow_crc32c(all);
    BOOST_TEST(io::crc32c(all) == expected);
    BOOST_TEST(io::crc32c_by_tables(all) == expected);
    BOOST_TEST(io::crc32c(all.subspan(split), io::crc32c(all.first(split))) == expected);
    BOOST_TEST(io::crc32c_by_tables(all.subspan(split), io::crc32c_by_tables(all.first(split))) == expected);
  }
}

BOOST_AUTO_TEST_CASE(long_data_and_its_parts_agree_with_the_tables) {
  Random random;
  std::vector<std::byte> bytes(40000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.integer(0, 255));
  for (int repetition = 0; repetition < 200; ++repetition) {
    const std::size_t begin = random.integer<std::size_t>(0, 100);
    const std::size_t size = random.integer<std::size_t>(0, bytes.size() - begin);
    const std::span<const std::byte> all = std::span<const std::byte>(bytes).subspan(begin, size);
    const std::uint32_t expected = io::crc32c_by_tables(all);
    BOOST_TEST(io::crc32c(all) == expected);
    const std::size_t split = random.integer<std::size_t>(0, size);
    const std::uint32_t first = io::crc32c(all.first(split));
    const std::uint32_t second = io::crc32c(all.subspan(split));
    BOOST_TEST(io::crc32c_combine(first, second, size - split) == expected);
  }
}

BOOST_AUTO_TEST_CASE(parts_beyond_4_gib_combine) {
  // 2^33 zero bytes, doubled up from one: the checksum of twice as many is that of two halves.
  std::uint32_t checksum = io::crc32c(std::vector<std::byte>(1));
  std::uint64_t size = 1;
  for (; size < (std::uint64_t{1} << 20); size *= 2) checksum = io::crc32c_combine(checksum, checksum, size);
  BOOST_TEST(checksum == io::crc32c(std::vector<std::byte>(size)));
  const std::uint32_t million = checksum;
  for (; size < (std::uint64_t{1} << 33); size *= 2) checksum = io::crc32c_combine(checksum, checksum, size);
  std::uint32_t one_by_one = 0;
  for (std::uint64_t k = 0; k < size >> 20; ++k) {
    one_by_one = io::crc32c_combine(one_by_one, million, std::uint64_t{1} << 20);
  }
  BOOST_TEST(checksum == one_by_one);
}

BOOST_AUTO_TEST_SUITE_END()
