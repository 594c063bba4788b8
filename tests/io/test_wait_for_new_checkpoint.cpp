// SPDX-License-Identifier: Apache-2.0
// Waiting for what another program saves.
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/varscope.hpp>

#include <chrono>
#include <filesystem>
#include <limits>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_wait_for_new_checkpoint)

namespace vs = varscope;
using namespace varscope::testing;
using std::chrono::milliseconds;

namespace {

struct Fixture : Model {
  TemporaryDirectory directory;
  vs::Saver saver;

  std::string save(int step) { return saver.save(session, directory / "a", {.global_step = step}); }
  std::optional<std::string> look(const std::optional<std::string>& last) const {
    return vs::wait_for_new_checkpoint(directory.path(), last, 0);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(each_new_latest_is_found_once, Fixture) {
  BOOST_TEST(!look(std::nullopt));
  const std::string first = save(1);
  BOOST_TEST((look(std::nullopt) == first));
  BOOST_TEST(!look(first));
  const std::string second = save(2);
  BOOST_TEST((look(first) == second));
  BOOST_TEST(!look(second));
}

BOOST_FIXTURE_TEST_CASE(one_that_cannot_be_read_is_not_there, Fixture) {
  const std::string first = save(1);
  const std::string second = save(2);
  write_file(second, "damaged");
  BOOST_TEST((look(std::nullopt) == first));
  BOOST_TEST(!look(first));
}

BOOST_FIXTURE_TEST_CASE(a_save_ends_the_waiting, Fixture) {
  const std::string later = directory / "later";  // a directory that is not there yet
  std::thread training([&] {
    std::this_thread::sleep_for(milliseconds(30));
    std::filesystem::create_directory(later);
    saver.save(session, later + "/a");
  });
  const auto found = vs::wait_for_new_checkpoint(later, std::nullopt, std::numeric_limits<double>::infinity(),
                                                 {.interval_seconds = 0.001});
  training.join();
  BOOST_TEST((found == later + "/a.h5"));
}

BOOST_FIXTURE_TEST_CASE(the_timeout_ends_it_too, Fixture) {
  const std::string first = save(1);
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(!vs::wait_for_new_checkpoint(directory.path(), first, 0.02));
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= milliseconds(20)));
}

BOOST_FIXTURE_TEST_CASE(bad_arguments_and_state_files_are_refused, Fixture) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const double interval : {0.0, -1.0, kNan}) {
    BOOST_CHECK_THROW(
        vs::wait_for_new_checkpoint(directory.path(), std::nullopt, 0, {.interval_seconds = interval}),
        vs::ValueError);
  }
  BOOST_CHECK_THROW(vs::wait_for_new_checkpoint(directory.path(), std::nullopt, kNan), vs::ValueError);
  write_file(directory / "checkpoint", "all_model_checkpoint_paths: \"a-1.h5\"\n");
  BOOST_CHECK_THROW(look(std::nullopt), vs::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
