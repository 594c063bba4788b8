// SPDX-License-Identifier: Apache-2.0
// The power goes at every instant of a save, and of what was not flushed any part survives: always the
// checkpoint before or the new one, whole. See crashing_file_system.hpp for the model.
#include "checkpoint_series.hpp"
#include "checkpoint_state.hpp"
#include "checkpoint_writer.hpp"
#include "io/crashing_file_system.hpp"
#include "io/named_arrays.hpp"
#include "open_checkpoint.hpp"

#include <varscope/error.hpp>

#include <bit>
#include <iostream>
#include <set>

BOOST_AUTO_TEST_SUITE(test_power_loss)

using namespace varscope;
using namespace varscope::testing;

namespace {

NamedArrays values_of(std::int64_t step) {
  const auto number = static_cast<float>(step);
  Array large = Array::uninitialized({3000}, float32);
  for (float& element : large.values<float>()) element = number;
  return {{"scope/v", Array::of<float>({2}, {number, -number})}, {"scope/w", large}};
}

/// One save of a Saver that keeps two checkpoints.
void save(CrashingFileSystem& files, const std::vector<std::string>& kept, std::int64_t step, int level) {
  io::CheckpointSeries series(files, 2, 10000, 0);
  series.recover(kept);
  const std::string path = "d/m-" + std::to_string(step) + ".h5";
  io::write_checkpoint(files, path, values_of(step), {.global_step = step, .compression_level = level});
  series.add(path, "checkpoint", static_cast<double>(step));
}

/// The step of the newest checkpoint that a program finds after the restart; everything about it is checked.
std::int64_t step_found(const CrashingFileSystem::Files& state) {
  CrashingFileSystem files(state);
  const LatestCheckpoint latest = io::find_latest_checkpoint(files, "d", {});
  BOOST_REQUIRE(latest.path.has_value());
  BOOST_REQUIRE(latest.skipped.empty());
  const detail::OpenCheckpoint checkpoint(files, *latest.path);
  const NamedArrays expected = values_of(*checkpoint.global_step());
  for (const auto& [name, value] : expected) {
    Array array = Array::uninitialized(value.shape(), value.dtype());
    checkpoint.read(checkpoint.entry(name), {static_cast<std::byte*>(array.data()), array.num_bytes()});
    BOOST_REQUIRE(array.same_bits(value));
  }
  return *checkpoint.global_step();
}

/// Returns how many states were tried.
std::size_t lose_power_everywhere(int level, int random_states) {
  // On the device: checkpoints 1 and 2. Then 3 is saved, which removes 1, and 4, which removes 2.
  CrashingFileSystem before;
  save(before, {}, 1, level);
  save(before, {"d/m-1.h5"}, 2, level);
  before.sync_directory("d");
  const CrashingFileSystem::Files start =
      before.state_after(before.events(), [](std::size_t) { return true; });

  CrashingFileSystem files(start);
  save(files, {"d/m-1.h5", "d/m-2.h5"}, 3, level);
  const std::size_t third_returned = files.events();
  save(files, {"d/m-2.h5", "d/m-3.h5"}, 4, level);

  Random random;
  std::size_t states = 0;
  std::set<std::int64_t> steps;
  std::size_t most_unflushed = 0;
  const auto check = [&](std::size_t count, const std::function<bool(std::size_t)>& survives) {
    const std::int64_t step = step_found(files.state_after(count, survives));
    BOOST_REQUIRE_MESSAGE(step >= 2 && step <= 4, "step " << step << " after " << count << " events");
    // What save() has promised: once it has returned, that checkpoint is there.
    BOOST_REQUIRE(count < third_returned || step >= 3);
    BOOST_REQUIRE(count < files.events() || step == 4);
    steps.insert(step);
    ++states;
  };
  for (std::size_t count = 0; count <= files.events(); ++count) {
    const std::vector<std::size_t> open = files.unflushed(count);
    most_unflushed = std::max(most_unflushed, open.size());
    const auto position = [&](std::size_t event) {
      return static_cast<std::size_t>(std::lower_bound(open.begin(), open.end(), event) - open.begin());
    };
    if (open.size() <= 12) {  // every subset
      for (std::size_t subset = 0; subset < std::size_t{1} << open.size(); ++subset) {
        check(count, [&](std::size_t event) { return ((subset >> position(event)) & 1) != 0; });
      }
      continue;
    }
    // All but one, only one, all before one; then random ones.
    for (std::size_t k = 0; k < open.size(); ++k) {
      check(count, [&](std::size_t event) { return event != open[k]; });
      check(count, [&](std::size_t event) { return event == open[k]; });
      check(count, [&](std::size_t event) { return event < open[k]; });
    }
    for (int repetition = 0; repetition < random_states; ++repetition) {
      std::vector<bool> chosen(open.size());
      for (std::size_t k = 0; k < open.size(); ++k) chosen[k] = random.integer(0, 1) != 0;
      check(count, [&](std::size_t event) { return chosen[position(event)]; });
    }
  }
  std::cout << states << " states, at most " << most_unflushed << " changes not flushed\n";
  BOOST_TEST(steps == (std::set<std::int64_t>{2, 3, 4}), boost::test_tools::per_element());
  return states;
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_power_loss_loses_a_checkpoint) {
  BOOST_TEST(lose_power_everywhere(0, 2500) >= 100000u);
}

BOOST_AUTO_TEST_CASE(no_power_loss_loses_a_compressed_checkpoint) {
  BOOST_TEST(lose_power_everywhere(1, 100) >= 500u);
}

// The model notices what it is there for: without one of the flushes, a checkpoint is lost.
BOOST_AUTO_TEST_CASE(the_model_knows_lost_flushes) {
  CrashingFileSystem files;
  {
    const auto writer = files.create("d/tmp");
    const std::string text = "content";
    writer->write_at(0, {reinterpret_cast<const std::byte*>(text.data()), text.size()});
    files.rename("d/tmp", "d/file");
    files.sync_directory("d");
  }
  const auto none = [](std::size_t) { return false; };
  BOOST_TEST(files.state_after(files.events(), none).at("d/file").empty());
  const auto writer = files.create("d/other");
  writer->sync();
  BOOST_TEST(files.state_after(files.events(), none).count("d/other") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
