// SPDX-License-Identifier: Apache-2.0
// Compressed checkpoints that are damaged, truncated or hostile: always a typed error, never a crash, never
// other values, and no memory for what a file only claims to hold.
#include "checkpoint_index.hpp"
#include "crc32c.hpp"
#include "io/damaged_checkpoint.hpp"

#include <varscope/error.hpp>

#include <numeric>

BOOST_AUTO_TEST_SUITE(test_compressed_damage)

using namespace varscope;
using namespace varscope::testing;

namespace {

// Every type, one chunk and several, whole and ragged ones, deflated and raw.
NamedArrays chunked_arrays() {
  Random random;
  NamedArrays variables = {
      {"a/floats", Array(Shape{5, 7, 2}, float32)}, {"a/doubles", Array(Shape{9}, float64)},
      {"longs", Array(Shape{3, 4, 5}, int64)},      {"bytes", random_array(random, {2, 70}, uint8)},
      {"mask", Array(Shape{100}, boolean)},         {"small", Array::scalar(3.5f)},
      {"empty", Array(Shape{0, 9}, float32)}};
  std::int64_t number = 0;
  for (float& element : variables[0].second.values<float>()) element = static_cast<float>(number++ / 5);
  return sorted(std::move(variables));
}

std::vector<io::StoredChunk> all_chunks(const std::string& content) {
  std::vector<io::StoredChunk> chunks;
  const auto index = io::read_checkpoint_index(MemoryFile(content), "memory.h5");
  for (const io::IndexedVariable& variable : index.variables) {
    if (variable.chunked == nullptr) continue;
    chunks.insert(chunks.end(), variable.chunked->chunks.begin(), variable.chunked->chunks.end());
  }
  return chunks;
}

// With the chunk's stored bytes changed, and their checksum made right.
std::string with_chunk(std::string content, const io::StoredChunk& chunk, const std::string& bytes) {
  BOOST_REQUIRE(bytes.size() == chunk.bytes);
  content.replace(chunk.offset, chunk.bytes, bytes);
  return forged(content, little_endian(chunk.crc32c, 4),
                little_endian(io::crc32c(std::as_bytes(std::span(bytes))), 4));
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_grids_come_back) {
  Random random;
  std::size_t chunks = 0;
  for (int round = 0; round < 300; ++round) {
    NamedArrays variables;
    for (int k = random.integer(1, 5); k > 0; --k) {
      std::vector<std::int64_t> dimensions(random.integer<std::size_t>(0, 5));
      for (std::int64_t& dimension : dimensions) {
        dimension = random.chance(0.05) ? 0 : random.integer<std::int64_t>(1, 7);
      }
      Array array(Shape(dimensions), random.pick(all_dtypes));
      if (random.chance(0.5)) array = random_array(random, array.shape(), array.dtype());
      variables.emplace_back("v" + std::to_string(k), std::move(array));
    }
    const io::ChunkSizes sizes{.smallest_data = random.integer<std::uint64_t>(1, 100),
                               .usual_chunk = random.integer<std::uint64_t>(8, 500)};
    const std::string content = compressed_bytes(variables, sizes);
    BOOST_TEST_REQUIRE(same_bits(read_all(content), sorted(variables)));
    chunks += all_chunks(content).size();
  }
  BOOST_TEST(chunks > 1000u);
}

BOOST_AUTO_TEST_CASE(no_bit_can_change_unnoticed) {
  const std::string good = compressed_bytes(chunked_arrays());
  BOOST_REQUIRE(same_bits(read_all(good), chunked_arrays()));
  BOOST_TEST(all_chunks(good).size() > 15u);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ change);
      BOOST_TEST_REQUIRE(contains(error_of(bad), "memory.h5"), "byte " << at << " changed by " << change);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_truncation_and_no_lost_sector_goes_unnoticed) {
  const std::string good = compressed_bytes(chunked_arrays());
  for (std::size_t size = 0; size < good.size(); ++size) {
    BOOST_CHECK_THROW(read_all(good.substr(0, size)), DataLossError);
  }
  for (std::size_t at = 0; at < good.size(); at += 64) {
    std::string bad = good;
    const std::size_t size = std::min<std::size_t>(64, bad.size() - at);
    bad.replace(at, size, size, '\0');
    if (bad != good) BOOST_TEST(!error_of(bad).empty(), "at byte " << at);
  }
}

// With the checksums made right again every field is reached, and either refused or harmless.
BOOST_AUTO_TEST_CASE(forged_metadata_is_refused_or_harmless) {
  const NamedArrays variables = chunked_arrays();
  const std::string good = compressed_bytes(variables);
  Random random;
  const Forgeries forgeries = forge_every_byte(good, variables, random);
  BOOST_TEST(forgeries.refused > forgeries.harmless);
  BOOST_TEST(forgeries.harmless > 0u);  // the level of compression, estimates for writers
}

// What zlib gets once the checksums are right: anything. It has the same values in other bytes, too.
BOOST_AUTO_TEST_CASE(forged_chunks_are_refused_or_harmless) {
  const NamedArrays variables = chunked_arrays();
  const std::string good = compressed_bytes(variables);
  Random random;
  Forgeries forgeries;
  for (const io::StoredChunk& chunk : all_chunks(good)) {
    for (int round = 0; round < 50; ++round) {
      std::string bytes = good.substr(chunk.offset, chunk.bytes);
      for (int k = random.integer(1, 3); k > 0; --k) {
        bytes[random.integer<std::size_t>(0, bytes.size() - 1)] = static_cast<char>(random.integer(0, 255));
      }
      forgeries.count<DataLossError>(with_chunk(good, chunk, bytes), variables, chunk.offset);
    }
  }
  BOOST_TEST(forgeries.refused > 20 * forgeries.harmless);
}

BOOST_AUTO_TEST_CASE(messages_name_file_variable_and_chunk) {
  const std::string good = compressed_bytes({{"scope/v", Array(Shape{64}, float32)}});
  const std::vector<io::StoredChunk> chunks = all_chunks(good);
  BOOST_REQUIRE(chunks.size() == 4u);
  const auto message = [&](const std::string& what) {
    return "'memory.h5' is damaged: /scope/v:0, bytes " + std::to_string(chunks[2].offset) + ".." +
           std::to_string(chunks[2].offset + chunks[2].bytes - 1) + ": " + what;
  };
  std::string bad = good;
  bad[chunks[2].offset + 3] ^= 1;
  BOOST_TEST(error_of(bad) == message("the chunk does not have its checksum"));
}

BOOST_AUTO_TEST_CASE(a_chunk_that_becomes_more_than_it_should_is_refused) {
  const CheckpointEntry large{.name = "v", .dtype = uint8, .shape = Shape{100000}};
  std::string bomb = compressed_bytes({{"v", Array(large.shape, uint8)}}, {});
  const auto index = io::read_checkpoint_index(MemoryFile(bomb), "memory.h5");
  CheckpointEntry before = index.variables[0].entry;
  const auto with_extent = [&](std::uint64_t extent) {
    CheckpointEntry after = before;
    after.shape = Shape{static_cast<std::int64_t>(extent)};
    std::string content = forged(bomb, std::string("\2\1\0\1", 4) + little_endian(100000),
                                 std::string("\2\1\0\1", 4) + little_endian(extent));
    content = forged(content, std::string("\4\2\2\2\4", 5) + little_endian(100000, 4),
                     std::string("\4\2\2\2\4", 5) + little_endian(extent, 4));
    return forged(content, little_endian(digest_of(3, {before}, 3), 4),
                  little_endian(digest_of(3, {after}, 3), 4));
  };
  BOOST_REQUIRE(read_all(with_extent(100000)).size() == 1u);
  BOOST_TEST(contains(error_of(with_extent(50000)), "not the compressed form"));
  BOOST_TEST(contains(error_of(with_extent(100001)), "not the compressed form"));
  // More than Deflate can have made of so few bytes: refused before there is memory for it.
  BOOST_TEST(contains(error_of(with_extent(1032 * before.stored_bytes + 1)), "cannot become"));
  BOOST_TEST(contains(error_of(with_extent(1 << 30)), "cannot become"));
  // Shapes that no index would be for: more than HDF5's chunks can be.
  BOOST_TEST(contains(error_of(with_extent((1u << 30) + 1)), "chunks of another kind"));
}

BOOST_AUTO_TEST_CASE(chunks_may_not_meet) {
  const std::string good = compressed_bytes({{"v", Array(Shape{64}, float32)}});
  const std::vector<io::StoredChunk> chunks = all_chunks(good);
  const auto moved = [&](std::uint64_t to) {
    return error_of(forged(good, little_endian(chunks[1].offset) + little_endian(chunks[1].bytes, 2),
                           little_endian(to) + little_endian(chunks[1].bytes, 2)));
  };
  BOOST_TEST(contains(moved(chunks[0].offset), "belong to /v:0 already"));
  BOOST_TEST(contains(moved(64), "already"));
  BOOST_TEST(contains(moved(good.size()), "outside the file"));
  BOOST_TEST(contains(moved(io::kUndefinedAddress), "outside the file"));
}

BOOST_AUTO_TEST_SUITE_END()
