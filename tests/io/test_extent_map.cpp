// SPDX-License-Identifier: Apache-2.0
// Which bytes of a file are taken, beside a list of all bytes.
#include "hdf5_format.hpp"
#include "support/random.hpp"

#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(test_extent_map)

using namespace varscope;
using io::ByteRange;
using varscope::testing::Random;

namespace {

const io::Place place{"file", [](std::size_t object) { return "object " + std::to_string(object); }, 0};

bool try_claim(io::ExtentMap& extents, ByteRange range, std::size_t object) {
  try {
    extents.claim(range, {place.file, place.name_of, object});
    return true;
  } catch (const DataLossError&) {
    return false;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_byte_is_given_away_twice_in_any_order) {
  Random random;
  for (int round = 0; round < 300; ++round) {
    const int size = random.integer(1, 400);
    io::ExtentMap extents(static_cast<std::uint64_t>(size));
    std::vector<bool> taken(static_cast<std::size_t>(size));
    const bool ascending = random.chance(0.5);  // two sequences, as headers and data
    int ends[2] = {0, size / 2};
    for (int k = 0; k < 40; ++k) {
      int& end = ends[random.integer(0, 1)];
      const int begin = ascending ? end + random.integer(0, 3) : random.integer(0, size);
      const int bytes = random.integer(1, 12);
      const bool fits = begin + bytes <= size;
      const bool is_free = fits && std::none_of(taken.begin() + begin, taken.begin() + begin + bytes,
                                                [](bool byte) { return byte; });
      const bool claimed =
          try_claim(extents, {static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(bytes)}, 7);
      BOOST_TEST_REQUIRE(claimed == is_free);
      if (!claimed) continue;
      std::fill_n(taken.begin() + begin, bytes, true);
      end = begin + bytes;
    }
    std::vector<bool> in_gap(taken.size());
    std::uint64_t last = 0;
    for (const ByteRange gap : extents.gaps()) {
      BOOST_TEST_REQUIRE((gap.size > 0 && gap.offset >= last));
      last = gap.offset + gap.size + 1;  // or they would be one
      std::fill_n(in_gap.begin() + static_cast<std::ptrdiff_t>(gap.offset), gap.size, true);
    }
    in_gap.flip();
    BOOST_TEST_REQUIRE((in_gap == taken));
  }
}

BOOST_AUTO_TEST_CASE(a_clash_names_the_other_object) {
  io::ExtentMap extents(100);
  BOOST_TEST(try_claim(extents, {10, 10}, 1));
  BOOST_TEST(try_claim(extents, {60, 10}, 2));
  BOOST_TEST(try_claim(extents, {30, 10}, 3));
  BOOST_TEST(try_claim(extents, {0, 5}, 4));
  for (const auto& [offset, object] : {std::pair{12, 1}, {55, 2}, {39, 3}, {4, 4}}) {
    try {
      extents.claim({static_cast<std::uint64_t>(offset), 6}, place);
      BOOST_ERROR("bytes were given away twice");
    } catch (const DataLossError& error) {
      BOOST_TEST(std::string(error.what()).find("object " + std::to_string(object) + " already") !=
                 std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
