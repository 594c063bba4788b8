// SPDX-License-Identifier: Apache-2.0
#include "hdf5_checksum.hpp"

#include <boost/test/unit_test.hpp>

#include <string_view>

BOOST_AUTO_TEST_SUITE(test_hdf5_checksum)

static std::uint32_t checksum(std::string_view text) {
  return varscope::io::hdf5_checksum({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

// The values that the hash's author gives; that libhdf5 takes the same hash, the tests of checkpoints show.
BOOST_AUTO_TEST_CASE(known_values) {
  BOOST_TEST(checksum("") == 0xDEADBEEFu);
  BOOST_TEST(checksum("Four score and seven years ago") == 0x17770551u);
}

BOOST_AUTO_TEST_CASE(every_bit_counts) {
  std::string text(37, 'x');
  const std::uint32_t before = checksum(text);
  for (std::size_t k = 0; k < text.size(); ++k) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[k] = static_cast<char>(changed[k] ^ (1 << bit));
      BOOST_TEST(checksum(changed) != before);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
