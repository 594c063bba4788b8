// SPDX-License-Identifier: Apache-2.0
// Variables of more than 4 GiB in little memory, and 100,000 small ones.
#include "io/large_sample.hpp"
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"
#include "open_checkpoint.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <sys/resource.h>

BOOST_AUTO_TEST_SUITE(test_large_checkpoint)

using namespace varscope;
using namespace varscope::testing;

namespace {

/// How much address space the process has, in bytes.
std::size_t address_space() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  std::size_t pages = 0;
  const bool read = file != nullptr && std::fscanf(file, "%zu", &pages) == 1;
  if (file != nullptr) std::fclose(file);
  BOOST_REQUIRE(read);
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Leaves the process only so much more address space, as long as it lives. Sanitizers need all there is.
class AddressLimit {
 public:
  explicit AddressLimit(std::size_t more) {
    ::getrlimit(RLIMIT_AS, &before_);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    rlimit limit = before_;
    limit.rlim_cur = address_space() + more;
    BOOST_REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
#else
    static_cast<void>(more);
#endif
  }
  ~AddressLimit() {
    ::setrlimit(RLIMIT_AS, &before_);
  }
  AddressLimit(const AddressLimit&) = delete;
  AddressLimit& operator=(const AddressLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_variable_of_more_than_4_gib) {
  const TemporaryDirectory directory;
  const std::string path = directory / "large.h5";
  write_large_sample(path);
  const AddressLimit limit(std::size_t{1} << 29);
  {
    const CheckpointReader reader(path);
    const CheckpointEntry& large = reader.entry("large");
    BOOST_TEST(large.bytes == 4u * static_cast<std::uint64_t>(kLargeRows * kLargeColumns));
    BOOST_TEST(large.bytes > std::uint64_t{1} << 32);
    BOOST_TEST(reader.entry("scope/behind").offset >= large.offset + large.bytes);
    BOOST_TEST(reader.read("scope/behind").same_bits(Array::of<std::int64_t>({2}, {-1, 1LL << 40})));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    BOOST_CHECK_THROW(reader.read("large"), ResourceExhaustedError);
#endif
    // Every mark is where it belongs, and the checksum is right.
    SparseFileSystem files;
    const detail::OpenCheckpoint file(files, path);
    std::uint64_t at = 0;
    std::vector<std::pair<std::uint64_t, float>> found;
    file.read_pieces(file.entry("large"), [&](std::span<const std::byte> piece) {
      const std::span elements(reinterpret_cast<const float*>(piece.data()), piece.size() / sizeof(float));
      for (std::size_t k = 0; k < elements.size(); ++k) {
        if (elements[k] != 0.0f) found.emplace_back(at + k, elements[k]);
      }
      at += elements.size();
    });
    BOOST_REQUIRE(found.size() == kLargeMarks.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      BOOST_TEST(found[k].first == static_cast<std::uint64_t>(kLargeMarks[k]));
      BOOST_TEST(found[k].second == static_cast<float>(k + 1));
    }
  }
  // One bit behind the first 4 GiB: found, to the block, and nothing else is wrong.
  const std::uint64_t offset = CheckpointReader(path).entry("large").offset;
  const std::uint64_t damaged = offset + (std::uint64_t{1} << 32) + (std::uint64_t{3} << 20) / 2;
  {
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    const char one = 1;
    BOOST_REQUIRE(::pwrite(file, &one, 1, static_cast<off_t>(damaged)) == 1);
    ::close(file);
  }
  const std::uint64_t block = offset + (std::uint64_t{1} << 32) + (std::uint64_t{1} << 20);
  SparseFileSystem files;
  const std::string message =
      message_of<DataLossError>([&] { detail::OpenCheckpoint(files, path).verify(); });
  BOOST_TEST(contains(
      message, "/large:0, bytes " + std::to_string(block) + ".." + std::to_string(block + (1u << 20) - 1)));
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_variables) {
  constexpr int kCount = 100000;
  const TemporaryDirectory directory;
  Graph graph;
  const auto building = graph.as_default();
  std::vector<Variable> variables;
  for (int k = 0; k < kCount; ++k) {
    const auto scope = variable_scope("layer" + std::to_string(k / 100));
    variables.push_back(
        get_variable("v" + std::to_string(k % 100), {3}, {.initializer = zeros_initializer()}));
  }
  const auto value_of = [](int k) {
    const auto number = static_cast<float>(k);
    return Array::of<float>({3}, {number, -number, 0.5f});
  };
  Saver saver;
  std::string path;
  {
    Session session(graph);
    std::vector<std::pair<Variable, Array>> values;
    for (int k = 0; k < kCount; ++k) {
      values.emplace_back(variables[static_cast<std::size_t>(k)], value_of(k));
    }
    session.load_shared(std::move(values));
    path = saver.save_async(session, directory / "many").wait();
  }
  const auto is_right = [&](const std::vector<Array>& values) {
    for (int k = 0; k < kCount; ++k) {
      if (!values[static_cast<std::size_t>(k)].same_bits(value_of(k))) return false;
    }
    return true;
  };
  Session session(graph);
  saver.restore(session, path);
  BOOST_TEST(is_right(session.read_shared(variables)));

  Session another(graph);
  const RestoreReport report = saver.restore_matching(another, path);
  BOOST_TEST(report.complete());
  BOOST_TEST(report.restored.size() == static_cast<std::size_t>(kCount));
  BOOST_TEST(report.restored.front().variable == "layer0/v0");
  BOOST_TEST(is_right(another.read_shared(variables)));

  const CheckpointReader reader(path);
  BOOST_REQUIRE(reader.entries().size() == static_cast<std::size_t>(kCount));
  BOOST_TEST(std::is_sorted(reader.entries().begin(), reader.entries().end(),
                            [](const auto& a, const auto& b) { return a.name < b.name; }));
  BOOST_TEST(reader.read("layer999/v99").same_bits(value_of(kCount - 1)));
}

BOOST_AUTO_TEST_SUITE_END()
