// SPDX-License-Identifier: Apache-2.0
#include "input/gzip.hpp"
#include "io/temporary_directory.hpp"
#include "support/messages.hpp"
#include "support/random.hpp"

#include <varscope/data_files.hpp>
#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_read_idx)

using namespace varscope;
using varscope::testing::contains;
using varscope::testing::gzip;
using varscope::testing::Random;
using varscope::testing::TemporaryDirectory;
using varscope::testing::write_file;

namespace {

std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int byte = bytes - 1; byte >= 0; --byte) text += static_cast<char>(value >> (8 * byte) & 0xFF);
  return text;
}

std::string header(int type, const std::vector<std::uint32_t>& dimensions) {
  std::string text = {'\0', '\0', static_cast<char>(type), static_cast<char>(dimensions.size())};
  for (const std::uint32_t dimension : dimensions) text += big_endian(dimension, 4);
  return text;
}

struct Fixture {
  TemporaryDirectory directory;
  const std::string path = directory / "images-idx";

  Array read(const std::string& content) const {
    write_file(path, content);
    return read_idx(path);
  }

  // Nothing if the content is refused as damaged, with a message that names the file and says where.
  std::optional<Array> read_or_refuse(const std::string& content) const {
    try {
      return read(content);
    } catch (const DataLossError& error) {
      BOOST_TEST(contains(error.what(), path));
      BOOST_TEST(contains(error.what(), "byte"));
      return std::nullopt;
    }
  }
};

// Each bit flipped, and some that fill it.
std::vector<char> changes_of(char byte) {
  std::vector<char> changes = {'\0', '\x01', '\x7F', '\xFF'};
  for (int bit = 0; bit < 8; ++bit) changes.push_back(static_cast<char>(byte ^ 1 << bit));
  return changes;
}

const std::string kSmall = header(0x08, {2, 3}) + "abcdef";

}  // namespace

BOOST_FIXTURE_TEST_CASE(every_element_type, Fixture) {
  const Array bytes = read(kSmall);
  BOOST_TEST(bytes.same_bits(Array::of<std::uint8_t>({2, 3}, {'a', 'b', 'c', 'd', 'e', 'f'})));
  BOOST_TEST(read(header(0x09, {3}) + "\x01\xFF\x80").same_bits(Array::of<std::int32_t>({3}, {1, -1, -128})));
  BOOST_TEST(read(header(0x0B, {2}) + big_endian(0x0102, 2) + big_endian(0x8000, 2))
                 .same_bits(Array::of<std::int32_t>({2}, {258, -32768})));
  BOOST_TEST(read(header(0x0C, {1, 2}) + big_endian(0x01020304, 4) + big_endian(0xFFFFFFFE, 4))
                 .same_bits(Array::of<std::int32_t>({1, 2}, {16909060, -2})));
  BOOST_TEST(read(header(0x0D, {2}) + big_endian(0x3FC00000, 4) + big_endian(0xC0000000, 4))
                 .same_bits(Array::of<float>({2}, {1.5f, -2})));
  BOOST_TEST(read(header(0x0E, {1}) + big_endian(0x3FD5555555555555, 8))
                 .same_bits(Array::of<double>({1}, {1.0 / 3})));
}

BOOST_FIXTURE_TEST_CASE(scalars_and_no_elements, Fixture) {
  BOOST_TEST(read(header(0x08, {}) + "x").same_bits(Array::scalar<std::uint8_t>('x')));
  BOOST_TEST((read(header(0x0E, {0, 28, 28})).shape() == Shape{0, 28, 28}));
  BOOST_TEST(read(gzip(header(0x08, {5, 0}))).description() == "uint8[5,0]");
}

BOOST_FIXTURE_TEST_CASE(more_than_one_piece, Fixture) {
  Random random;
  std::string elements(300'000, '\0');
  for (char& byte : elements) byte = random.integer<char>(-128, 127);
  for (const int type : {0x08, 0x09}) {
    const std::string content = header(type, {3000, 100}) + elements;
    const Array plain = read(content);
    BOOST_TEST(plain.same_bits(read(gzip(content))));
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const int found =
          type == 0x08 ? static_cast<char>(plain.values<std::uint8_t>()[i]) : plain.values<std::int32_t>()[i];
      if (found != elements[i]) BOOST_FAIL("element " << i << " is " << found);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(compressed_in_several_members, Fixture) {
  for (std::size_t cut = 0; cut <= kSmall.size(); ++cut) {
    const Array joined = read(gzip(kSmall.substr(0, cut)) + gzip("") + gzip(kSmall.substr(cut)));
    BOOST_TEST(joined.same_bits(read(kSmall)));
  }
}

BOOST_FIXTURE_TEST_CASE(every_truncation_is_refused, Fixture) {
  for (const std::string& whole : {kSmall, gzip(kSmall)}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      BOOST_TEST(!read_or_refuse(whole.substr(0, length)).has_value(), "length " << length);
    }
    BOOST_TEST(!read_or_refuse(whole + "x").has_value());
    BOOST_TEST(!read_or_refuse(whole + whole).has_value());
    BOOST_TEST(!read_or_refuse(whole + std::string(1, '\0')).has_value());
  }
}

// What is not refused has the same bytes under another shape or type, of the same size.
BOOST_FIXTURE_TEST_CASE(every_change_of_a_header_byte, Fixture) {
  for (std::size_t at = 0; at < kSmall.size() - 6; ++at) {
    for (const char value : changes_of(kSmall[at])) {
      std::string changed = kSmall;
      changed[at] = value;
      const std::optional<Array> plain = read_or_refuse(changed);
      const std::optional<Array> compressed = read_or_refuse(gzip(changed));
      BOOST_TEST(plain.has_value() == compressed.has_value());
      const bool same_size = changed == kSmall || (at == 2 && value == 0x09);
      BOOST_TEST(plain.has_value() == same_size, "byte " << at << " is " << int{value});
    }
  }
}

// What gzip's checksums do not cover (times, names) may change; everything else is noticed.
BOOST_FIXTURE_TEST_CASE(every_change_of_a_compressed_byte, Fixture) {
  const std::string whole = gzip(kSmall);
  const Array right = read(kSmall);
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : changes_of(whole[at])) {
      std::string changed = whole;
      changed[at] = value;
      const std::optional<Array> found = read_or_refuse(changed);
      if (found.has_value()) {
        BOOST_TEST(found->same_bits(right));
      } else {
        ++refused;
      }
    }
  }
  BOOST_TEST(refused > 8 * static_cast<int>(whole.size() - 10));
}

// Neither memory nor time for what the file cannot hold.
BOOST_FIXTURE_TEST_CASE(sizes_that_the_file_does_not_justify, Fixture) {
  const std::uint32_t largest = 0xFFFFFFFF;
  for (const std::vector<std::uint32_t>& dimensions :
       std::vector<std::vector<std::uint32_t>>{{largest},
                                               {largest, largest},
                                               {1U << 31, 1U << 31},
                                               {1U << 31, 1U << 31, 2},
                                               {largest, largest, largest},
                                               {largest, largest, largest, 0},
                                               std::vector<std::uint32_t>(255, largest),
                                               {60000, 28, 28}}) {
    for (const int type : {0x08, 0x0B, 0x0E}) {
      BOOST_TEST(!read_or_refuse(header(type, dimensions) + "abcdef").has_value());
      BOOST_TEST(!read_or_refuse(gzip(header(type, dimensions) + "abcdef")).has_value());
    }
  }
  BOOST_CHECK_EXCEPTION(read(header(0x08, {60000, 28, 28}) + "abcdef"), DataLossError, [](const auto& error) {
    return contains(error, {"[60000,28,28]", "47040000", "bytes 4 to 15", "are 6"});
  });
}

// 64 MiB of zeros in 64 KiB, behind a header that promises six elements.
BOOST_FIXTURE_TEST_CASE(a_bomb_is_not_decompressed, Fixture) {
  const std::string bomb = gzip(kSmall + std::string(std::size_t{64} << 20U, '\0'));
  BOOST_TEST(bomb.size() < 100'000U);
  BOOST_CHECK_EXCEPTION(read(bomb), DataLossError,
                        [](const auto& error) { return contains(error, {"goes on at byte 18"}); });
}

BOOST_FIXTURE_TEST_CASE(what_is_no_data_file, Fixture) {
  BOOST_CHECK_EXCEPTION(read_idx(directory / "missing"), NotFoundError,
                        [](const auto& error) { return contains(error, {"missing"}); });
  BOOST_CHECK_THROW(read_idx(directory.path()), InvalidArgumentError);
  BOOST_CHECK_THROW(read_idx(""), NotFoundError);
  BOOST_REQUIRE(::mkfifo((directory / "pipe").c_str(), 0600) == 0);
  BOOST_CHECK_THROW(read_idx(directory / "pipe"), InvalidArgumentError);
  BOOST_CHECK_EXCEPTION(read("PNG is another format"), DataLossError, [](const auto& error) {
    return contains(error, {"bytes 0 to 1", "IDX"});
  });
  BOOST_CHECK_EXCEPTION(read(header(0x0A, {1}) + "x"), DataLossError,
                        [](const auto& error) { return contains(error, {"byte 2 is 10"}); });
}

BOOST_AUTO_TEST_SUITE_END()
