// SPDX-License-Identifier: Apache-2.0
// Checkpoints as their users see them: what is written comes back, bit for bit.
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/checkpoint.hpp>
#include <varscope/error.hpp>

#include <algorithm>
#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_checkpoint)

using namespace varscope;
using namespace varscope::testing;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void check_round_trip(const NamedArrays& variables) {
  const TemporaryDirectory directory;
  const std::string path = directory / "checkpoint.h5";
  write_checkpoint(path, variables);
  const CheckpointReader reader(path);
  check_same(reader, variables);
  reader.verify();
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(directory.path()), {}) ==
             1);  // nothing beside
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_dtype_comes_back) {
  check_round_trip(one_of_each());
}

BOOST_AUTO_TEST_CASE(random_shapes_come_back) {
  Random random;
  for (int round = 0; round < 20; ++round) {
    NamedArrays variables;
    const int variable_count = random.integer(0, 12);
    for (int k = 0; k < variable_count; ++k) {
      std::vector<std::int64_t> dimensions(random.integer<std::size_t>(0, 4));
      for (std::int64_t& dimension : dimensions) dimension = random.integer<std::int64_t>(0, 9);
      const std::string name = (random.chance(0.5) ? "scope/" : "") + std::string("v") + std::to_string(k);
      variables.emplace_back(name, random_array(random, Shape(dimensions), random.pick(all_dtypes)));
    }
    check_round_trip(variables);
  }
}

BOOST_AUTO_TEST_CASE(large_variables_are_aligned_to_pages_and_small_ones_to_cache_lines) {
  Random random;
  const TemporaryDirectory directory;
  NamedArrays variables;
  for (const std::int64_t elements : {1, 1023, 1024, 1025, 300000}) {
    variables.emplace_back("v" + std::to_string(elements), random_array(random, {elements}, float32));
  }
  write_checkpoint(directory / "a.h5", variables);
  const CheckpointReader reader(directory / "a.h5");
  check_same(reader, variables);
  const std::string bytes = read_file(directory / "a.h5");
  for (const CheckpointEntry& entry : reader.entries()) {
    BOOST_TEST(entry.offset % (entry.bytes >= 4096 ? 4096 : 64) == 0u);
    const Array array = reader.read(entry.name);  // the entry tells others, who map the file, the truth
    BOOST_TEST(bytes.compare(entry.offset, entry.bytes,
                             std::string(static_cast<const char*>(array.data()), entry.bytes)) == 0);
  }
}

BOOST_AUTO_TEST_CASE(odd_names_come_back) {
  NamedArrays variables;
  float value = 0;
  for (const std::string& name : {std::string("a"),
                                  std::string("a/b"),
                                  std::string("a/b/c"),
                                  std::string("foo//v"),
                                  std::string("foo/v"),
                                  std::string("."),
                                  std::string(".."),
                                  std::string("./v"),
                                  std::string("../v"),
                                  std::string("%"),
                                  std::string("%/%"),
                                  std::string("%25"),
                                  std::string("a:0"),
                                  std::string("a:0/b"),
                                  std::string("/"),
                                  std::string("/v"),
                                  std::string("v/"),
                                  std::string("V"),
                                  std::string("v"),
                                  std::string("x y"),
                                  std::string("gr\xC3\xB6\xC3\x9F"
                                              "e"),
                                  std::string("\xFF"),
                                  std::string("a\0b", 3),
                                  std::string("a\0", 2),
                                  std::string(300, 'n'),
                                  std::string(16384, 'n'),
                                  std::string(16384, ':'),
                                  std::string(1024, '/')}) {
    variables.emplace_back(name, Array::scalar(value++));
  }
  check_round_trip(variables);
}

BOOST_AUTO_TEST_CASE(random_names_come_back) {
  Random random;
  const std::string alphabet("./%:0ab\0\xFF", 9);
  for (int round = 0; round < 20; ++round) {
    NamedArrays variables;
    for (int k = 0; k < 40; ++k) {
      std::string name;
      const int size = random.integer(1, 12);
      for (int c = 0; c < size; ++c) name += alphabet[random.integer<std::size_t>(0, alphabet.size() - 1)];
      const bool taken = std::any_of(variables.begin(), variables.end(),
                                     [&](const auto& variable) { return variable.first == name; });
      if (!taken) variables.emplace_back(name, Array::scalar(k));
    }
    check_round_trip(variables);
  }
}

// However many members a group has: no heap, no B-tree.
BOOST_AUTO_TEST_CASE(crowded_scopes_stay_compact) {
  for (const int members : {300, 5000}) {
    Random random;
    const TemporaryDirectory directory;
    NamedArrays variables;
    for (int k = 0; k < members; ++k) {
      variables.emplace_back(
          "scope/" + std::string(random.integer<std::size_t>(1, 40), 'v') + std::to_string(k),
          Array::scalar(k));
    }
    write_checkpoint(directory / "a.h5", variables);
    check_same(CheckpointReader(directory / "a.h5"), variables);
    const std::string bytes = read_file(directory / "a.h5");
    BOOST_TEST(count(bytes, "OHDR") == static_cast<std::size_t>(members) + 2);
    for (const char* signature : {"FRHP", "BTHD", "HEAP", "TREE", "GCOL", "SNOD"}) {
      BOOST_TEST(count(bytes, signature) == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_content_gives_equal_bytes) {
  const TemporaryDirectory directory;
  NamedArrays variables = one_of_each();
  write_checkpoint(directory / "a.h5", variables, {.global_step = 7});
  std::reverse(variables.begin(), variables.end());
  write_checkpoint(directory / "b.h5", variables, {.global_step = 7});
  BOOST_TEST((read_file(directory / "a.h5") == read_file(directory / "b.h5")));
}

BOOST_AUTO_TEST_CASE(a_reader_tells_what_is_there) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  write_checkpoint(path, one_of_each(), {.global_step = -5});
  const CheckpointReader reader(path);
  BOOST_TEST(reader.path() == path);
  BOOST_TEST((reader.global_step() == -5));
  BOOST_TEST(std::is_sorted(reader.entries().begin(), reader.entries().end(),
                            [](const auto& a, const auto& b) { return a.name < b.name; }));
  BOOST_TEST(reader.has("conv1/weights"));
  BOOST_TEST(!reader.has("conv1/weights:0"));
  BOOST_TEST(!reader.has("conv1"));
  const CheckpointEntry& entry = reader.entry("conv1/biases");
  BOOST_TEST((entry.dtype == int32 && entry.shape == Shape{3} && entry.bytes == 12u));
  const std::string message = message_of<NotFoundError>([&] { reader.read("conv1/bias"); });
  BOOST_TEST(contains(message, path));
  BOOST_TEST(contains(message, "'conv1/bias'"));
  BOOST_TEST(contains(message, "'conv1/biases'"));

  write_checkpoint(path, {});
  BOOST_TEST((CheckpointReader(path).global_step() == std::nullopt));
  BOOST_TEST(CheckpointReader(path).entries().empty());
  BOOST_TEST(reader.has("pixels"));  // an open file stays what it was
  check_same(reader, one_of_each());
}

BOOST_AUTO_TEST_CASE(bad_variables_are_refused_and_nothing_is_written) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  const Array one = Array::scalar(1.0f);
  const NamedArrays twins = {{"a", one}, {"b", one}, {"a", one}};
  BOOST_TEST(contains(message_of<ValueError>([&] { write_checkpoint(path, twins); }), "'a'"));
  const NamedArrays unnamed = {{"", one}};
  BOOST_CHECK_THROW(write_checkpoint(path, unnamed), ValueError);
  const NamedArrays endless = {{std::string(16385, 'x'), one}};
  BOOST_CHECK_THROW(write_checkpoint(path, endless), ValueError);
  const NamedArrays nested = {{std::string(1025, '/'), one}};
  BOOST_CHECK_THROW(write_checkpoint(path, nested), ValueError);
  const NamedArrays deep = {{"v", Array(Shape(std::vector<std::int64_t>(33, 1)))}};
  BOOST_CHECK_THROW(write_checkpoint(path, deep), ValueError);
  Array improper(Shape{2}, boolean);
  static_cast<unsigned char*>(improper.data())[1] = 2;
  const NamedArrays bools = {{"v", improper}};
  BOOST_CHECK_THROW(write_checkpoint(path, bools), ValueError);
  NamedArrays crowd;
  for (int k = 0; k < 65536; ++k) crowd.emplace_back("scope/v" + std::to_string(k), one);
  BOOST_CHECK_THROW(write_checkpoint(path, crowd), ResourceExhaustedError);
  BOOST_TEST(!std::filesystem::exists(path));

  BOOST_CHECK_THROW(write_checkpoint("", one_of_each()), ValueError);
  BOOST_CHECK_THROW(write_checkpoint(directory.path(), one_of_each()), ValueError);
  BOOST_CHECK_THROW(write_checkpoint(directory.path() + "/", one_of_each()), ValueError);
  BOOST_CHECK_THROW(write_checkpoint(directory / "missing/a.h5", one_of_each()), NotFoundError);
  BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

BOOST_AUTO_TEST_CASE(what_is_no_checkpoint_is_refused_by_name) {
  const TemporaryDirectory directory;
  BOOST_CHECK_THROW(CheckpointReader(directory / "missing.h5"), NotFoundError);
  BOOST_TEST(contains(message_of<InvalidArgumentError>([&] { CheckpointReader reader(directory.path()); }),
                      "directory"));
  write_file(directory / "empty.h5", "");
  BOOST_TEST(
      contains(message_of<DataLossError>([&] { CheckpointReader reader(directory / "empty.h5"); }), "empty"));
  write_file(directory / "text.h5",
             "This is no HDF5 file, though it is called like one. It is long enough, too.");
  BOOST_TEST(
      contains(message_of<InvalidArgumentError>([&] { CheckpointReader reader(directory / "text.h5"); }),
               "not an HDF5 file"));
  std::filesystem::permissions(directory / "text.h5", std::filesystem::perms::none);
  BOOST_CHECK_THROW(CheckpointReader(directory / "text.h5"),
                    Error);  // root may read it: then it is no HDF5 file
}

BOOST_AUTO_TEST_SUITE_END()
