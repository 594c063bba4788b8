// SPDX-License-Identifier: Apache-2.0
// Which checkpoints are kept: SEMANTICS SV18 to SV23.
#include "checkpoint_series.hpp"
#include "checkpoint_state.hpp"
#include "io/instrumented_file_system.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_checkpoint_series)

using namespace varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;
using Names = std::vector<std::string>;

namespace {

constexpr double kHour = 3600;

// A series in a directory of its own, with files that have no content.
struct Fixture {
  TemporaryDirectory directory;
  InstrumentedFileSystem files;
  io::CheckpointSeries series;

  explicit Fixture(int max_to_keep, double hours = 10000) : series(files, max_to_keep, hours, 0) {}

  void save(const std::string& name, double now = 0) {
    write_file(directory / name, "x");
    series.add(directory / name, "checkpoint", now);
  }
  Names listed() const {
    Names names;
    for (const std::string& path : series.paths()) names.push_back(io::file_name_of(path));
    return names;
  }
  Names on_disk() const {
    Names names = io::posix_file_system().list(directory.path());
    std::erase(names, "checkpoint");
    return names;
  }
  Names in_state() const {
    Names names;
    const auto state = io::read_checkpoint_state(io::posix_file_system(), directory.path(), "checkpoint");
    for (const std::string& path : state.value().all) names.push_back(io::file_name_of(path));
    BOOST_TEST(names.back() == io::file_name_of(state->latest));
    return names;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_newest_are_kept) {
  Fixture fixture(2);
  fixture.save("s1");
  fixture.save("s2");
  BOOST_TEST(fixture.on_disk() == (Names{"s1", "s2"}), per_element());
  fixture.save("s3");
  BOOST_TEST(fixture.listed() == (Names{"s2", "s3"}), per_element());
  BOOST_TEST(fixture.on_disk() == (Names{"s2", "s3"}), per_element());
  BOOST_TEST(fixture.in_state() == (Names{"s2", "s3"}), per_element());
  // Saved again, it moves to the end, and nothing is removed.
  fixture.save("s2");
  BOOST_TEST(fixture.listed() == (Names{"s3", "s2"}), per_element());
  BOOST_TEST(fixture.on_disk() == (Names{"s2", "s3"}), per_element());
  fixture.save("s1");
  BOOST_TEST(fixture.on_disk() == (Names{"s1", "s2"}), per_element());
}

BOOST_AUTO_TEST_CASE(zero_keeps_all_and_lists_the_latest_only) {
  Fixture fixture(0);
  for (const char* name : {"s1", "s2", "s3"}) fixture.save(name);
  BOOST_TEST(fixture.listed().empty());
  BOOST_TEST(fixture.on_disk() == (Names{"s1", "s2", "s3"}), per_element());
  BOOST_TEST(fixture.in_state() == Names{"s3"}, per_element());
}

BOOST_AUTO_TEST_CASE(the_state_file_ends_with_the_latest_also_if_all_are_kept_after_a_list_was_set) {
  Fixture fixture(0);
  fixture.save("s1");
  fixture.series.set({{fixture.directory / "s1", 0}});
  fixture.save("s2");
  BOOST_TEST(fixture.in_state() == (Names{"s1", "s2"}), per_element());
}

BOOST_AUTO_TEST_CASE(one_every_so_many_hours_stays_for_good) {
  Fixture fixture(1, 2.0);
  fixture.save("h1", 1 * kHour);
  fixture.save("h3", 3 * kHour);    // h1 goes: it was written before the first time to keep, 2 h
  fixture.save("h4", 3.5 * kHour);  // h3 stays; the next time is 4 h
  fixture.save("h5", 5 * kHour);    // h4 goes
  fixture.save("h6", 6 * kHour);    // h5 stays; the next time is 6 h
  fixture.save("h7", 7 * kHour);    // h6 goes: not after 6 h
  BOOST_TEST(fixture.on_disk() == (Names{"h3", "h5", "h7"}), per_element());
  BOOST_TEST(fixture.listed() == Names{"h7"}, per_element());
}

BOOST_AUTO_TEST_CASE(SV21_the_state_file_never_names_what_is_not_there) {
  Fixture fixture(1);
  fixture.save("s1");
  fixture.files.calls.clear();
  fixture.save("s2");
  const auto renamed = std::find(fixture.files.calls.begin(), fixture.files.calls.end(), "rename checkpoint");
  const auto removed = std::find(fixture.files.calls.begin(), fixture.files.calls.end(), "remove s1");
  BOOST_TEST((renamed < removed && removed != fixture.files.calls.end()));
}

BOOST_AUTO_TEST_CASE(a_failing_state_file_changes_nothing) {
  Fixture fixture(1);
  fixture.save("s1");
  fixture.files.fail_calls("rename checkpoint", EIO);
  BOOST_CHECK_THROW(fixture.save("s2"), DataLossError);
  BOOST_TEST(fixture.listed() == Names{"s1"}, per_element());
  BOOST_TEST(fixture.in_state() == Names{"s1"}, per_element());
  BOOST_TEST(fixture.on_disk() == (Names{"s1", "s2"}), per_element());
}

BOOST_AUTO_TEST_CASE(a_failing_removal_is_no_failed_save) {
  Fixture fixture(1);
  fixture.save("s1");
  fixture.files.fail_calls("remove s1", EACCES);
  fixture.save("s2");
  BOOST_TEST(fixture.listed() == Names{"s2"}, per_element());
  BOOST_TEST(fixture.on_disk() == (Names{"s1", "s2"}), per_element());
}

BOOST_AUTO_TEST_CASE(a_restarted_series_goes_on) {
  Fixture fixture(2);
  for (const char* name : {"s1", "s2"}) write_file(fixture.directory / name, "x");
  BOOST_TEST(fixture.listed().empty());
  const Names paths = {fixture.directory / "s1", fixture.directory / "missing", fixture.directory / "s2"};
  fixture.series.recover(paths);
  BOOST_TEST(fixture.listed() == (Names{"s1", "s2"}), per_element());
  io::CheckpointSeries later(fixture.files, 2, 10000, 4e9);  // after the files' own times
  later.recover(paths);
  write_file(fixture.directory / "s3", "x");
  later.add(fixture.directory / "s3", "checkpoint", 4e9);
  BOOST_TEST(fixture.on_disk() == (Names{"s2", "s3"}), per_element());
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  BOOST_CHECK_THROW(Fixture(-1), ValueError);
  BOOST_CHECK_THROW(Fixture(5, 0), ValueError);
  BOOST_CHECK_THROW(Fixture(5, -2), ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
