// SPDX-License-Identifier: Apache-2.0
// Compressed checkpoints as their users see them: what is written comes back, bit for bit, whatever it is.
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/checkpoint.hpp>
#include <varscope/error.hpp>
#include <varscope/inspect.hpp>

#include <tbb/task_arena.h>

#include <algorithm>
#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_compressed_checkpoint)

using namespace varscope;
using namespace varscope::testing;

namespace {

// Bits that Deflate can do something with, or a part of them: runs, and noise in between.
Array compressible_array(Random& random, const Shape& shape, DType dtype) {
  Array array = random_array(random, shape, dtype);
  auto* bytes = static_cast<unsigned char*>(array.data());
  for (std::size_t at = 0; at < array.num_bytes();) {
    const std::size_t size = std::min(array.num_bytes() - at, random.integer<std::size_t>(1, 5000));
    if (random.chance(0.6)) std::fill_n(bytes + at, size, static_cast<unsigned char>(random.integer(0, 1)));
    at += size;
  }
  return array;
}

CheckpointReader written(const std::string& path, const NamedArrays& variables, int level) {
  write_checkpoint(path, variables, {.global_step = 5, .compression_level = level});
  return CheckpointReader(path);
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_shapes_and_levels_come_back) {
  Random random;
  const TemporaryDirectory directory;
  std::size_t chunked = 0;
  std::size_t several_chunks = 0;
  for (int round = 0; round < 30; ++round) {
    NamedArrays variables = one_of_each();
    for (int k = random.integer(1, 4); k > 0; --k) {
      // Around the sizes where something changes: 4 KiB, and multiples of 1 MiB; as a product of some axes.
      std::int64_t elements = random.pick(std::vector<std::int64_t>{500, 4096, 30000, 300000, 1100000});
      elements += random.integer<std::int64_t>(-5, 5);
      std::vector<std::int64_t> dimensions;
      while (elements > 1 && dimensions.size() < 4) {
        dimensions.push_back(random.integer<std::int64_t>(1, std::min<std::int64_t>(elements, 70)));
        elements /= dimensions.back();
      }
      dimensions.push_back(elements);
      std::swap(dimensions.back(), dimensions[random.integer<std::size_t>(0, dimensions.size() - 1)]);
      const DType dtype = random.pick(all_dtypes);
      variables.emplace_back("random/v" + std::to_string(k),
                             random.chance(0.2) ? random_array(random, Shape(dimensions), dtype)
                                                : compressible_array(random, Shape(dimensions), dtype));
    }
    const CheckpointReader reader = written(directory / "a.h5", variables, random.integer(1, 9));
    check_same(reader, variables);
    reader.verify();
    BOOST_TEST((reader.global_step() == 5));
    for (const CheckpointEntry& entry : reader.entries()) {
      BOOST_TEST((entry.num_chunks > 0) == (entry.bytes >= 4096));
      if (entry.num_chunks == 0) BOOST_TEST(entry.stored_bytes == entry.bytes);
      chunked += entry.num_chunks > 0 ? 1 : 0;
      several_chunks += entry.num_chunks > 1 ? 1 : 0;
    }
  }
  BOOST_TEST(chunked > 15u);
  BOOST_TEST(several_chunks > 3u);
}

BOOST_AUTO_TEST_CASE(the_file_becomes_smaller) {
  const TemporaryDirectory directory;
  const NamedArrays zeros = {{"zeros", Array(Shape{1000, 1000}, float32)}};
  const CheckpointReader reader = written(directory / "a.h5", zeros, 1);
  const CheckpointEntry& entry = reader.entry("zeros");
  BOOST_TEST(entry.bytes == 4000000u);
  BOOST_TEST(entry.stored_bytes < 40000u);
  BOOST_TEST(entry.num_chunks == 4u);
  BOOST_TEST(std::filesystem::file_size(directory / "a.h5") < 45000u);
  BOOST_TEST(reader.format_version() == 3);
}

// Nothing is to be gained, and next to nothing is lost.
BOOST_AUTO_TEST_CASE(noise_is_stored_as_it_is) {
  Random random;
  const TemporaryDirectory directory;
  const NamedArrays noise = {{"noise", random_array(random, {2, 900001}, uint8)},
                             {"less", random_array(random, {5000}, uint8)}};
  const CheckpointReader reader = written(directory / "a.h5", noise, 9);
  check_same(reader, noise);
  reader.verify();
  BOOST_TEST(reader.entry("less").stored_bytes == 5000u);
  BOOST_TEST(reader.entry("noise").num_chunks == 2u);
  BOOST_TEST(reader.entry("noise").stored_bytes == 2u * 900001u);
}

BOOST_AUTO_TEST_CASE(small_variables_leave_the_file_as_it_was) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "plain.h5", one_of_each(), {.global_step = 5});
  BOOST_TEST(written(directory / "a.h5", one_of_each(), 6).format_version() == 2);
  BOOST_TEST((read_file(directory / "a.h5") == read_file(directory / "plain.h5")));
  BOOST_TEST(written(directory / "empty.h5", {}, 6).entries().empty());
}

BOOST_AUTO_TEST_CASE(equal_content_gives_equal_bytes_for_any_number_of_threads) {
  Random random;
  const TemporaryDirectory directory;
  NamedArrays variables = one_of_each();
  for (int k = 0; k < 40; ++k) {
    variables.emplace_back("v" + std::to_string(k),
                           compressible_array(random, {random.integer<std::int64_t>(1, 200000)}, float32));
  }
  variables.emplace_back("large", compressible_array(random, {3, 1500, 1000}, float32));
  const auto bytes_with = [&](int threads) {
    tbb::task_arena arena(threads);
    arena.execute([&] { write_checkpoint(directory / "a.h5", variables, {.compression_level = 1}); });
    return read_file(directory / "a.h5");
  };
  const std::string bytes = bytes_with(1);
  std::reverse(variables.begin(), variables.end());
  BOOST_TEST((bytes_with(4) == bytes));
}

// More than is compressed at once, and then some.
BOOST_AUTO_TEST_CASE(several_windows_come_back) {
  const TemporaryDirectory directory;
  NamedArrays variables;
  for (int k = 0; k < 3; ++k) {
    Array array(Shape{50, 1024, 256}, float32);
    std::int64_t number = k;
    for (float& element : array.values<float>()) element = static_cast<float>(number++ / 1000);
    variables.emplace_back("large" + std::to_string(k), std::move(array));
    variables.emplace_back("small" + std::to_string(k), Array::scalar(k));
  }
  std::uint64_t reported = 0;
  write_checkpoint(directory / "a.h5", variables,
                   {.on_written = [&](std::uint64_t bytes) { reported += bytes; }, .compression_level = 1});
  BOOST_TEST(reported == 3u * (50u * 1024u * 1024u + 4u));
  const CheckpointReader reader(directory / "a.h5");
  check_same(reader, variables);
}

BOOST_AUTO_TEST_CASE(statistics_are_those_of_the_values) {
  const TemporaryDirectory directory;
  Array array(Shape{700, 1000}, int32);
  std::int32_t number = 0;
  for (std::int32_t& element : array.values<std::int32_t>()) element = number++;
  const CheckpointReader reader = written(directory / "a.h5", {{"v", array}}, 3);
  const VariableStatistics statistics = variable_statistics(reader, "v");
  BOOST_TEST(statistics.min == 0.0);
  BOOST_TEST(statistics.max == 699999.0);
  BOOST_TEST(statistics.mean == 699999.0 / 2);
  BOOST_TEST(statistics.elements == 700000);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_refused) {
  const TemporaryDirectory directory;
  for (const int level : {-1, 10}) {
    BOOST_CHECK_THROW(written(directory / "a.h5", one_of_each(), level), ValueError);
    BOOST_CHECK_THROW(Saver({.compression_level = level}), ValueError);
  }
  Array flags(Shape{5000}, boolean);
  static_cast<unsigned char*>(flags.data())[4321] = 2;
  BOOST_CHECK_THROW(written(directory / "a.h5", {{"mask", flags}}, 1), ValueError);
  BOOST_TEST(!std::filesystem::exists(directory / "a.h5"));
}

BOOST_AUTO_TEST_CASE(a_saver_compresses_if_it_is_asked_to) {
  Random random;
  const TemporaryDirectory directory;
  Model model(500);
  for (const int level : {0, 1}) {
    Saver saver({.compression_level = level});
    model.randomize(random);
    const std::vector<Array> values = model.values();
    const std::string path = saver.save(model.session, directory / ("level" + std::to_string(level)));
    BOOST_TEST((CheckpointReader(path).entry("model/conv1/weights").num_chunks > 0) == (level > 0));
    const std::string later = saver.save_async(model.session, directory / "later").wait();
    BOOST_TEST((CheckpointReader(later).entry("model/conv1/weights").num_chunks > 0) == (level > 0));
    model.randomize(random);
    saver.restore(model.session, path);
    BOOST_TEST(same_bits(model.values(), values));
  }
}

BOOST_AUTO_TEST_SUITE_END()
