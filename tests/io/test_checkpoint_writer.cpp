// SPDX-License-Identifier: Apache-2.0
// Publication: every file call of a save in turn fails, and the calls come in the order that a crash asks
// for.
#include "checkpoint_writer.hpp"
#include "io/instrumented_file_system.hpp"
#include "io/named_arrays.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <filesystem>
#include <thread>

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
      "status a.h5",       "create a.h5.tmp", "reserve a.h5.tmp", "write_at a.h5.tmp", "write_at a.h5.tmp",
      "write_at a.h5.tmp", "sync a.h5.tmp",   "close a.h5.tmp",   "rename a.h5",       "sync_directory"};
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
        BOOST_CHECK_THROW(io::write_checkpoint(files, path, changed_variables(), {}), Error);
        BOOST_TEST(names_in(directory.path()) == std::vector<std::string>{"a.h5"},
                   boost::test_tools::per_element());
        // Only the last step comes after the new file has its name; then it is whole.
        const bool published = counting.calls[call] == "sync_directory";
        check_same(CheckpointReader(path), published ? changed_variables() : one_of_each());
      }
    }
  }
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
