// SPDX-License-Identifier: Apache-2.0
// Damaged, truncated and hostile files: always a typed error, never a crash, never other values.
#include "checkpoint_index.hpp"
#include "io/damaged_checkpoint.hpp"
#include "io/version_1_checkpoint.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_checkpoint_damage)

using namespace varscope;
using namespace varscope::testing;

BOOST_AUTO_TEST_CASE(no_bit_can_change_unnoticed) {
  const std::string good = checkpoint_bytes(one_of_each(), {.global_step = 3});
  BOOST_REQUIRE(same_bits(read_all(good), sorted(one_of_each())));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ change);
      const std::string message = error_of(bad);
      BOOST_TEST_REQUIRE(!message.empty(), "byte " << at << " changed by " << change << " went unnoticed");
      BOOST_TEST_REQUIRE(contains(message, "memory.h5"));
    }
  }
}

// What a device leaves where it has lost a write. A sector that is zero anyway is as it should be.
BOOST_AUTO_TEST_CASE(no_lost_sector_goes_unnoticed) {
  constexpr std::size_t kSector = 512;
  NamedArrays variables = one_of_each();
  Random random;
  variables.emplace_back("large", random_array(random, {3000}, float32));
  const std::string good = checkpoint_bytes(variables);
  std::size_t lost = 0;
  for (std::size_t at = 0; at < good.size(); at += kSector) {
    std::string bad = good;
    const std::size_t size = std::min(kSector, bad.size() - at);
    bad.replace(at, size, size, '\0');
    if (bad == good) continue;
    ++lost;
    BOOST_TEST(!error_of(bad).empty(), "sector at byte " << at);
  }
  BOOST_TEST(lost > 25u);
}

BOOST_AUTO_TEST_CASE(no_truncation_goes_unnoticed) {
  const std::string good = checkpoint_bytes(one_of_each());
  for (std::size_t size = 0; size < good.size(); ++size) {
    BOOST_CHECK_THROW(read_all(good.substr(0, size)), DataLossError);
  }
  BOOST_TEST(contains(error_of(good + '\0'), "has " + std::to_string(good.size() + 1)));
}

// With the checksums made right again every field is reached, and either refused or harmless.
BOOST_AUTO_TEST_CASE(forged_headers_are_refused_or_harmless) {
  const NamedArrays variables = sorted(one_of_each());
  const std::string good = checkpoint_bytes(variables, {.global_step = 3});
  Random random;
  const Forgeries forgeries = forge_every_byte(good, variables, random);
  BOOST_TEST(forgeries.refused > forgeries.harmless);
  BOOST_TEST(forgeries.harmless > 0u);  // estimates for writers, the global step, flags without a meaning
}

BOOST_AUTO_TEST_CASE(random_damage_is_survived) {
  const std::string good = checkpoint_bytes(one_of_each());
  const std::vector<io::ByteRange> ranges = checksummed_ranges(good);
  Random random;
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    const int changes = random.integer(1, 6);
    for (int k = 0; k < changes; ++k) {
      const std::size_t to = random.integer<std::size_t>(0, bad.size() - 1);
      const std::size_t from = random.integer<std::size_t>(0, bad.size() - 1);
      const std::size_t size = random.integer<std::size_t>(1, 16);
      bad.replace(to, std::min(size, bad.size() - to), bad.substr(from, std::min(size, bad.size() - to)));
    }
    bad.resize(good.size());
    for (const io::ByteRange range : ranges) repair_checksum(bad, range);
    try {
      read_all(bad);
    } catch (const Error&) {
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_are_checked_before_they_are_believed) {
  const NamedArrays one = {{"v", Array::of<float>({3, 5}, std::vector<float>(15, 1.0f))}};
  const std::string good = checkpoint_bytes(one);
  const std::string dimensions = little_endian(3) + little_endian(5);
  const auto with_dimensions = [&](std::uint64_t a, std::uint64_t b) {
    return error_of(forged(good, dimensions, little_endian(a) + little_endian(b)));
  };
  BOOST_TEST(contains(with_dimensions(3, 6), "60 bytes"));
  BOOST_TEST(contains(with_dimensions(std::uint64_t{1} << 38, 5), "needs another number"));
  BOOST_TEST(contains(with_dimensions(std::uint64_t{1} << 62, 8), "63 bits"));
  BOOST_TEST(contains(with_dimensions(~std::uint64_t{0}, 5), "63 bits"));

  // A terabyte in a file of a few hundred bytes.
  const std::uint64_t tera = std::uint64_t{1} << 40;
  const std::string enormous = forged(good, dimensions, little_endian(tera / 4) + little_endian(1));
  BOOST_TEST(
      contains(error_of(forged(enormous, little_endian(60), little_endian(tera))), "outside the file"));

  // Rank 3, where there are the numbers of two dimensions.
  BOOST_TEST(!error_of(forged(good, std::string("\2\2\0\1", 4) + little_endian(3),
                              std::string("\2\3\0\1", 4) + little_endian(3)))
                  .empty());
}

BOOST_AUTO_TEST_CASE(data_may_not_lie_where_something_else_is) {
  const NamedArrays two = {{"a", Array::scalar(1.0f)}, {"b", Array::scalar(2.0f)}};
  const std::string good = checkpoint_bytes(two);
  io::CheckpointIndex index = io::read_checkpoint_index(MemoryFile(good), "memory.h5");
  const std::string a = little_endian(index.variables[0].entry.offset) + little_endian(4);
  const std::string b = little_endian(index.variables[1].entry.offset) + little_endian(4);
  BOOST_TEST(contains(error_of(forged(good, b, a)), "belong to /a:0 already"));
  BOOST_TEST(contains(error_of(forged(good, b, little_endian(0) + little_endian(4))), "already"));
  BOOST_TEST(
      contains(error_of(forged(good, b, little_endian(good.size()) + little_endian(4))), "outside the file"));
  BOOST_TEST(contains(error_of(forged(good, b, little_endian(~std::uint64_t{2}) + little_endian(4))),
                      "outside the file"));
  BOOST_TEST(contains(error_of(forged(good, b, little_endian(io::kUndefinedAddress) + little_endian(4))),
                      "outside the file"));
}

BOOST_AUTO_TEST_CASE(links_may_not_form_a_cycle_or_meet) {
  const NamedArrays nested = {{"scope/v", Array::scalar(1.0f)}, {"other/v", Array::scalar(2.0f)}};
  const std::string good = checkpoint_bytes(nested);
  const auto address_behind = [&](const std::string& link) {
    return good.substr(good.find(link) + link.size(), 8);
  };
  const std::string root = good.substr(36, 8);
  const std::string scope = std::string("\5scope") + address_behind("\5scope");
  const std::string other = std::string("\5other") + address_behind("\5other");
  BOOST_TEST(contains(error_of(forged(good, scope, "\5scope" + root)), "already"));
  BOOST_TEST(contains(error_of(forged(good, scope, "\5scope" + address_behind("\5other"))), "already"));
  BOOST_TEST(contains(error_of(forged(good, other, "\5scope" + address_behind("\5other"))), "'scope'"));
  BOOST_TEST(contains(error_of(forged(good, other,
                                      "\5"
                                      "a/b/c" +
                                          address_behind("\5other"))),
                      "proper name"));
}

BOOST_AUTO_TEST_CASE(what_is_hdf5_but_no_checkpoint_is_named) {
  const std::string good = checkpoint_bytes({{"v", Array::scalar(1.0f)}});
  BOOST_TEST(contains(error_of(forged(good, "varscope", "barscope")), "the format 'barscope'"));
  const std::string version = std::string("format_version") + '\0' +
                              std::string("\x10\0\0\0\4\0\0\0\0\0\x20\0", 12) + std::string("\2\0\0\0", 4);
  BOOST_TEST(contains(error_of(forged(good, version + '\2', version + '\4')), "format version 4"));
  // Soft links, chunked data and filters are known by their names.
  BOOST_TEST(contains(error_of(forged(good, std::string("\1\0\3v:0", 6), std::string("\1\10\1v:0", 6))),
                      "a soft link"));
  BOOST_TEST(
      contains(error_of(forged(good, std::string("\x08\x12\0\0\4\1", 6), std::string("\x08\x12\0\0\4\2", 6))),
               "chunked data"));
  BOOST_TEST(contains(
      error_of(forged(good, std::string("\5\2\0\1\3\6", 6), std::string("\x0B\2\0\1\3\6", 6))), "filters"));
  BOOST_TEST(contains(error_of(std::string(512, '\0') + good), "user block"));
}

BOOST_AUTO_TEST_CASE(messages_name_file_object_and_bytes) {
  std::string bad = checkpoint_bytes(one_of_each());
  const NamedArrays variables = sorted(one_of_each());
  const auto index = io::read_checkpoint_index(MemoryFile(bad), "memory.h5");
  const CheckpointEntry& entry = index.variables[1].entry;
  bad[entry.offset] = static_cast<char>(bad[entry.offset] ^ 1);
  BOOST_TEST(error_of(bad) == "'memory.h5' is damaged: /conv1/weights:0, bytes " +
                                  std::to_string(entry.offset) + ".." + std::to_string(entry.offset + 15) +
                                  ": the data does not have its checksum");
}

BOOST_AUTO_TEST_CASE(files_of_version_1_are_read_and_checked) {
  const std::string good = version_1_checkpoint();
  const NamedArrays variables = read_all(good);
  BOOST_REQUIRE(variables.size() == 3u);
  for (std::size_t number = 0; number < 3; ++number) {
    const auto& [name, array] = variables[number];
    BOOST_TEST(name == "scope0/v" + std::to_string(number));
    BOOST_TEST(array.shape().to_string() == "[64]");
    for (std::size_t k = 0; k < 64; ++k) {
      BOOST_TEST(array.values<float>()[k] == static_cast<float>(number + k));
    }
  }
  Random random;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << random.integer(0, 7)));
    BOOST_TEST_REQUIRE(!error_of(bad).empty(), "byte " << at);
  }
}

// Every object of the file is whole; only the digest knows that they are not of one save.
BOOST_AUTO_TEST_CASE(parts_of_two_saves_are_noticed) {
  const NamedArrays first = {{"a", Array::scalar(1.0f)}, {"b", Array::scalar(2.0f)}};
  const NamedArrays second = {{"a", Array::scalar(3.0f)}, {"b", Array::scalar(4.0f)}};
  const std::string before = checkpoint_bytes(first, {.global_step = 1});
  const std::string after = checkpoint_bytes(second, {.global_step = 2});
  BOOST_REQUIRE(before.size() == after.size());
  const auto ranges = checksummed_ranges(before);  // superblock, root, a, b
  BOOST_REQUIRE(ranges.size() == 4u);
  const auto index = io::read_checkpoint_index(MemoryFile(before), "memory.h5");
  for (unsigned mixture = 1; mixture < 7; ++mixture) {
    std::string mixed = before;
    const auto take_after = [&](std::uint64_t offset, std::uint64_t size) {
      mixed.replace(offset, size, after.substr(offset, size));
    };
    for (std::size_t object = 0; object < 3; ++object) {
      if (((mixture >> object) & 1) == 0) continue;
      take_after(ranges[object + 1].offset, ranges[object + 1].size);
      if (object > 0) take_after(index.variables[object - 1].entry.offset, 4);
    }
    BOOST_TEST(contains(error_of(mixed), "not all of one save"), "mixture " << mixture);
  }
}

BOOST_AUTO_TEST_CASE(a_bool_must_be_one) {
  Array flags(Shape{2}, boolean);
  std::string bad = checkpoint_bytes({{"mask", flags}});
  const auto index = io::read_checkpoint_index(MemoryFile(bad), "memory.h5");
  const CheckpointEntry& entry = index.variables[0].entry;
  BOOST_TEST(contains(error_of(bad), ""));
  bad[entry.offset] = 2;
  const auto crc = [](const std::string& data) {
    std::uint32_t remainder = ~0u;
    for (const char byte : data) {
      remainder ^= static_cast<unsigned char>(byte);
      for (int bit = 0; bit < 8; ++bit)
        remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0x82F63B78 : 0);
    }
    return ~remainder;
  };
  CheckpointEntry forged_entry = entry;
  forged_entry.crc32c = crc(std::string("\2\0", 2));
  bad = forged(bad, little_endian(entry.crc32c, 4), little_endian(forged_entry.crc32c, 4));
  bad = forged(bad, little_endian(digest_of(2, {entry}), 4), little_endian(digest_of(2, {forged_entry}), 4));
  BOOST_TEST(contains(error_of(bad), "neither 0 nor 1"));
}

BOOST_AUTO_TEST_SUITE_END()
