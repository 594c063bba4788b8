// SPDX-License-Identifier: Apache-2.0
// Publication: every file call of a save in turn fails, and the calls come in the order that a crash asks
// for.
#include "checkpoint_format.hpp"
#include "checkpoint_writer.hpp"
#include "io/instrumented_file_system.hpp"
#include "io/named_arrays.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <filesystem>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_checkpoint_writer)

using namespace varscope;
using namespace varscope::testing;

namespace {

std::vector<std::string> names_in(const std::string& directory) {
  return io::posix_file_system().list(directory);
}

NamedArrays changed_variables() {
  NamedArrays variables = one_of_each();
  variables[0].second = Array::of<float>({2, 2}, {9, 8, 7, 6});
  return variables;
}

}  // namespace

BOOST_AUTO_TEST_CASE(data_is_on_the_device_before_the_name_is) {
  const TemporaryDirectory directory;
  InstrumentedFileSystem files;
  const NamedArrays variables = {{"a", Array::scalar(1.0f)}, {"b", Array::scalar(2.0f)}};
  io::write_checkpoint(files, directory / "a.h5", variables, {});
  const std::vector<std::string> expected = {
      "status a.h5",       "list " + io::file_name_of(directory.path()),
      "create a.h5.tmp",   "reserve a.h5.tmp",
      "write_at a.h5.tmp",  // both values, which lie side by side
      "write_at a.h5.tmp",  // the metadata, which has their checksums
      "sync a.h5.tmp",     "rename a.h5",
      "sync_directory"};
  BOOST_TEST(files.calls == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(whichever_call_fails_the_old_checkpoint_stays) {
  InstrumentedFileSystem counting;
  {
    const TemporaryDirectory directory;
    io::write_checkpoint(counting, directory / "a.h5", one_of_each(), {});
  }
  for (const int error_number : {EIO, ENOSPC, EACCES}) {
    for (std::size_t call = 0; call < counting.calls.size(); ++call) {
      BOOST_TEST_CONTEXT("call " << counting.calls[call] << ", errno " << error_number) {
        const TemporaryDirectory directory;
        const std::string path = directory / "a.h5";
        write_checkpoint(path, one_of_each());
        InstrumentedFileSystem files;
        files.fail_call(call, error_number);
        if (counting.calls[call].starts_with("list ")) {  // to clean up, without which a save can do
          BOOST_CHECK_NO_THROW(io::write_checkpoint(files, path, changed_variables(), {}));
        } else {
          BOOST_CHECK_THROW(io::write_checkpoint(files, path, changed_variables(), {}), Error);
        }
        BOOST_TEST(names_in(directory.path()) == std::vector<std::string>{"a.h5"},
                   boost::test_tools::per_element());
        // Only the last step comes after the new file has its name; then it is whole.
        const bool published =
            counting.calls[call] == "sync_directory" || counting.calls[call].starts_with("list ");
        check_same(CheckpointReader(path), published ? changed_variables() : one_of_each());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_killed_writers_left_is_removed) {
  const TemporaryDirectory directory;
  // Whose name says what it is, made by a writer that ends without publishing it.
  InstrumentedFileSystem files;
  files.fail_calls("re", EIO);  // reserve, and the removal after it
  BOOST_CHECK_THROW(io::write_checkpoint(files, directory / "a.h5", one_of_each(), {}), Error);
  const std::vector<std::string> left = names_in(directory.path());
  BOOST_REQUIRE(left.size() == 1u);
  BOOST_TEST(left[0].starts_with("a.h5.tmp-"));
  const std::string of_another_host = "a.h5.tmp-" + std::string(8, left[0][9] == '0' ? '1' : '0') + "-1-1";
  const std::vector<std::string> not_ours = {of_another_host, "a.h5.tmp-1", left[0] + "x"};
  for (const std::string& name : not_ours) write_file(directory / name, "x");
  const auto alive = io::posix_file_system().create(directory / left[0] + "1");
  write_checkpoint(directory / "b.h5", one_of_each());
  std::vector<std::string> expected = {of_another_host, "a.h5.tmp-1", left[0] + "x", left[0] + "1", "b.h5"};
  std::sort(expected.begin(), expected.end());
  BOOST_TEST(names_in(directory.path()) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(large_variables_come_back_block_by_block) {
  const TemporaryDirectory directory;
  Random random;
  NamedArrays variables;
  // Around the sizes where variables are joined, cut and aligned.
  for (const std::int64_t size : {0, 1, 1023, 1024, 8191, 8192, 8193, 262143, 262144, 262145, 900001}) {
    Array array = Array::uninitialized(Shape{size}, float32);
    auto* const bytes = static_cast<std::byte*>(array.data());
    for (std::size_t k = 0; k < array.num_bytes(); ++k)
      bytes[k] = static_cast<std::byte>(random.integer(0, 255));
    variables.emplace_back("v" + std::to_string(size), array);
  }
  write_checkpoint(directory / "a.h5", variables);
  check_same(CheckpointReader(directory / "a.h5"), variables);

  // One wrong bit is found, and to its block.
  const CheckpointReader reader(directory / "a.h5");
  const CheckpointEntry& entry = reader.entry("v900001");
  std::string content = read_file(directory / "a.h5");
  const std::uint64_t second_block = entry.offset + io::kSmallestBlock;
  content[second_block + 5] = static_cast<char>(content[second_block + 5] ^ 4);
  write_file(directory / "b.h5", content);
  const auto names_the_block = [&](const Error& error) {
    return std::string(error.what())
               .find("bytes " + std::to_string(second_block) + ".." +
                     std::to_string(second_block + io::kSmallestBlock - 1)) != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(CheckpointReader(directory / "b.h5").verify(), DataLossError, names_the_block);
  BOOST_CHECK_EXCEPTION(CheckpointReader(directory / "b.h5").read("v900001"), DataLossError, names_the_block);
  BOOST_CHECK_NO_THROW(CheckpointReader(directory / "b.h5").read("v262145"));
}

BOOST_AUTO_TEST_CASE(the_first_error_is_the_one_reported) {
  const TemporaryDirectory directory;
  InstrumentedFileSystem files;
  files.fail_calls("re", ENOSPC);  // reserve, and the removal after it
  BOOST_CHECK_EXCEPTION(
      io::write_checkpoint(files, directory / "a.h5", one_of_each(), {}), ResourceExhaustedError,
      [](const Error& error) { return std::string(error.what()).find("reserve") != std::string::npos; });
  BOOST_TEST(files.calls.back() == "remove a.h5.tmp");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_reported_piece_by_piece) {
  const TemporaryDirectory directory;
  NamedArrays variables = one_of_each();
  Random random;
  variables.emplace_back("large", random_array(random, {900, 1000}, float32));
  std::uint64_t total = 0;
  for (const auto& [name, array] : variables) total += array.num_bytes();
  std::uint64_t reported = 0;
  int pieces = 0;
  bool busy = false;
  const auto report = [&](std::uint64_t bytes) {
    BOOST_REQUIRE(!std::exchange(busy, true));
    reported += bytes;
    ++pieces;
    busy = false;
  };
  write_checkpoint(directory / "a.h5", variables, {.on_written = report});
  BOOST_TEST(reported == total);
  BOOST_TEST(pieces >= 5);  // four blocks, and what is small

  const auto refuse = [&](std::uint64_t) {
    if (--pieces == 2) throw OutOfRangeError("enough");
  };
  BOOST_CHECK_THROW(write_checkpoint(directory / "b.h5", variables, {.on_written = refuse}), OutOfRangeError);
  BOOST_TEST(names_in(directory.path()) == std::vector<std::string>{"a.h5"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(threads_may_write_at_once) {
  const TemporaryDirectory directory;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&directory, thread] {
      for (int round = 0; round < 10; ++round) {
        write_checkpoint(directory / std::to_string(thread) + ".h5", one_of_each());
        write_checkpoint(directory / "shared.h5", thread % 2 == 0 ? one_of_each() : changed_variables());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int thread = 0; thread < 4; ++thread) {
    check_same(CheckpointReader(directory / std::to_string(thread) + ".h5"), one_of_each());
  }
  CheckpointReader(directory / "shared.h5").verify();
  BOOST_TEST(names_in(directory.path()).size() == 5u);
}

BOOST_AUTO_TEST_SUITE_END()
