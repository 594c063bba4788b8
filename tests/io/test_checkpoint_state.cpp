// SPDX-License-Identifier: Apache-2.0
// The state file, and finding the latest checkpoint that can be used.
#include "checkpoint_state.hpp"
#include "io/instrumented_file_system.hpp"
#include "io/named_arrays.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/error.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_checkpoint_state)

using namespace varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

io::FileSystem& files() {
  return io::posix_file_system();
}

void check_state(const std::optional<io::CheckpointState>& state, const std::string& latest,
                 const std::vector<std::string>& all) {
  BOOST_REQUIRE(state.has_value());
  BOOST_TEST(state->latest == latest);
  BOOST_TEST(state->all == all, per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(paths_are_stored_relative_to_the_directory) {
  const TemporaryDirectory directory;
  const std::vector<std::string> all = {directory / "a-1.h5", "/elsewhere/b.h5", directory / "a-2.h5"};
  io::write_checkpoint_state(files(), directory.path(), "checkpoint",
                             {.latest = directory / "a-2.h5", .all = all});
  BOOST_TEST(read_file(directory / "checkpoint") ==
             "model_checkpoint_path: \"a-2.h5\"\n"
             "all_model_checkpoint_paths: \"a-1.h5\"\n"
             "all_model_checkpoint_paths: \"/elsewhere/b.h5\"\n"
             "all_model_checkpoint_paths: \"a-2.h5\"\n");
  check_state(io::read_checkpoint_state(files(), directory.path(), "checkpoint"), directory / "a-2.h5", all);

  const TemporaryDirectory moved;
  std::filesystem::copy(directory / "checkpoint", moved / "checkpoint");
  check_state(io::read_checkpoint_state(files(), moved.path(), "checkpoint"), moved / "a-2.h5",
              {moved / "a-1.h5", "/elsewhere/b.h5", moved / "a-2.h5"});
}

BOOST_AUTO_TEST_CASE(odd_paths_survive) {
  const TemporaryDirectory directory;
  Random random;
  for (int round = 0; round < 200; ++round) {
    std::string name;
    const int size = random.integer(1, 12);
    for (int k = 0; k < size; ++k)
      name += random.pick<char>({'a', '"', '\\', '\n', '\t', ' ', ':', '#', '7', '\xFF', '\1'});
    io::write_checkpoint_state(files(), directory.path(), "state", {.latest = directory / name, .all = {}});
    check_state(io::read_checkpoint_state(files(), directory.path(), "state"), directory / name, {});
  }
}

BOOST_AUTO_TEST_CASE(what_tensorflow_writes_is_read) {
  const TemporaryDirectory directory;
  write_file(directory / "checkpoint",
             "model_checkpoint_path: \"model.ckpt-2\"\r\n"
             "# a comment\n\n"
             "  all_model_checkpoint_paths :  \"model.ckpt-2\"  \n"
             "all_model_checkpoint_timestamps: 1540000000.5\n"
             "last_preserved_timestamp: 1540000000.25");
  check_state(io::read_checkpoint_state(files(), directory.path(), "checkpoint"), directory / "model.ckpt-2",
              {directory / "model.ckpt-2"});
}

BOOST_AUTO_TEST_CASE(a_bad_state_file_is_none_and_an_incomplete_one_an_error) {
  const TemporaryDirectory directory;
  BOOST_TEST(!io::read_checkpoint_state(files(), directory.path(), "checkpoint").has_value());
  for (const char* text : {"\x89HDF", "model_checkpoint_path: a", "model_checkpoint_path: \"a",
                           "model_checkpoint_path: \"a\\q\"", "model_checkpoint_path: \"a\"b\""}) {
    write_file(directory / "checkpoint", text);
    BOOST_TEST(!io::read_checkpoint_state(files(), directory.path(), "checkpoint").has_value());
  }
  for (const char* text : {"", "all_model_checkpoint_paths: \"a\"\n", "model_checkpoint_path: \"\"\n"}) {
    write_file(directory / "checkpoint", text);
    BOOST_CHECK_THROW(io::read_checkpoint_state(files(), directory.path(), "checkpoint"), ValueError);
  }
}

BOOST_AUTO_TEST_CASE(ST2_the_state_file_is_replaced_atomically) {
  const TemporaryDirectory directory;
  InstrumentedFileSystem counting;
  io::write_checkpoint_state(counting, directory.path(), "checkpoint",
                             {.latest = directory / "old.h5", .all = {}});
  const std::vector<std::string> expected = {"list " + io::file_name_of(directory.path()),
                                             "create checkpoint.tmp",
                                             "write_at checkpoint.tmp",
                                             "sync checkpoint.tmp",
                                             "rename checkpoint",
                                             "sync_directory"};
  BOOST_TEST(counting.calls == expected, per_element());
  // The first call is for cleaning up, without which a save can do; after the last but one it is published.
  for (std::size_t call = 1; call + 1 < expected.size(); ++call) {
    InstrumentedFileSystem failing;
    failing.fail_call(call, ENOSPC);
    BOOST_CHECK_THROW(io::write_checkpoint_state(failing, directory.path(), "checkpoint",
                                                 {.latest = directory / "new.h5", .all = {}}),
                      ResourceExhaustedError);
    check_state(io::read_checkpoint_state(files(), directory.path(), "checkpoint"), directory / "old.h5", {});
    BOOST_TEST(files().list(directory.path()).size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(the_latest_that_can_be_used_is_found) {
  const TemporaryDirectory directory;
  BOOST_TEST(!latest_checkpoint(directory.path()).has_value());
  BOOST_TEST(!latest_checkpoint(directory / "missing").has_value());

  std::vector<std::string> all;
  for (const char* name : {"a-1.h5", "a-3.h5", "a-2.h5"}) {
    all.push_back(directory / name);
    write_checkpoint(all.back(), one_of_each());
  }
  io::write_checkpoint_state(files(), directory.path(), "checkpoint", {.latest = all.back(), .all = all});
  BOOST_TEST((latest_checkpoint(directory.path()) == directory / "a-2.h5"));  // saved last, whatever the step

  // The newest is truncated, the one before is gone: the oldest is what is left, and the rest is told.
  const std::string whole = read_file(directory / "a-2.h5");
  write_file(directory / "a-2.h5", whole.substr(0, whole.size() / 2));
  std::filesystem::remove(directory / "a-3.h5");
  const LatestCheckpoint found = find_latest_checkpoint(directory.path());
  BOOST_TEST((found.path == directory / "a-1.h5"));
  BOOST_REQUIRE(found.skipped.size() == 2u);
  BOOST_TEST(found.skipped[0].path == directory / "a-2.h5");
  BOOST_TEST(found.skipped[0].reason.find("is damaged") != std::string::npos);
  BOOST_TEST(found.skipped[1].path == directory / "a-3.h5");
  BOOST_TEST(found.skipped[1].reason.find("No such file") != std::string::npos);

  // Damaged data shows only when it is read.
  std::string damaged = whole;
  damaged[CheckpointReader(directory / "a-1.h5").entry("pixels").offset] ^= 1;
  write_file(directory / "a-2.h5", damaged);
  BOOST_TEST((latest_checkpoint(directory.path()) == directory / "a-2.h5"));
  BOOST_TEST((latest_checkpoint(directory.path(), {.verify_data = true}) == directory / "a-1.h5"));

  BOOST_TEST(!latest_checkpoint(directory.path(), {.latest_filename = "other"}).has_value());
}

BOOST_AUTO_TEST_CASE(paths_of_users_lead_to_files) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "a-1.h5", one_of_each());
  BOOST_TEST(io::find_checkpoint(files(), directory / "a-1.h5") == directory / "a-1.h5");
  BOOST_TEST(io::find_checkpoint(files(), directory / "a-1") == directory / "a-1.h5");
  BOOST_TEST(io::find_checkpoint(files(), directory / "a-2") == directory / "a-2");
  BOOST_TEST(io::find_checkpoint(files(), "") == "");
  BOOST_CHECK_THROW(io::find_checkpoint(files(), directory.path()), ValueError);
  io::write_checkpoint_state(files(), directory.path(), "checkpoint",
                             {.latest = directory / "a-1.h5", .all = {}});
  BOOST_TEST(io::find_checkpoint(files(), directory.path()) == directory / "a-1.h5");

  BOOST_TEST(list_variables(directory.path()).size() == one_of_each().size());
  BOOST_TEST(list_variables(directory / "a-1").front().name == "conv1/biases");
  BOOST_TEST(load_variable(directory.path(), "global_step").item() == 1234567890123.0);
  BOOST_TEST(load_variable(directory.path(), "global_step:0").item() == 1234567890123.0);
  BOOST_CHECK_THROW(load_variable(directory.path(), "global_step:1"), NotFoundError);
  BOOST_CHECK_THROW(list_variables(directory / "missing"), NotFoundError);
}

BOOST_AUTO_TEST_SUITE_END()
