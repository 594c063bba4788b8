// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_state.hpp"

#include <varscope/error.hpp>
#include <varscope/latest_checkpoint.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace varscope {

namespace {

std::optional<std::string> new_checkpoint(const std::string& directory,
                                          const std::optional<std::string>& last,
                                          const std::string& latest_filename) {
  io::FileSystem& files = io::posix_file_system();
  // Most looks find the same state file: that needs no checkpoint to be opened.
  const std::optional<io::CheckpointState> state =
      io::read_checkpoint_state(files, directory, latest_filename);
  if (!state || state->latest == last) return std::nullopt;
  std::optional<std::string> latest =
      io::find_latest_checkpoint(files, directory, {.latest_filename = latest_filename}).path;
  return latest == last ? std::nullopt : latest;
}

}  // namespace

std::optional<std::string> wait_for_new_checkpoint(const std::string& directory,
                                                   const std::optional<std::string>& last,
                                                   double timeout_seconds,
                                                   const WaitForNewCheckpointOptions& options) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  if (!(options.interval_seconds > 0)) {
    throw ValueError("cannot wait for a checkpoint in '" + directory + "': the interval is " +
                     std::to_string(options.interval_seconds) + " seconds; give one above 0");
  }
  if (std::isnan(timeout_seconds)) {
    throw ValueError("cannot wait for a checkpoint in '" + directory +
                     "': the timeout is not a number; give seconds, or infinity");
  }
  const Clock::time_point begin = Clock::now();
  while (true) {
    if (std::optional<std::string> found = new_checkpoint(directory, last, options.latest_filename)) {
      return found;
    }
    const double left = timeout_seconds - Seconds(Clock::now() - begin).count();
    if (left <= 0) return std::nullopt;
    // At most an hour: what is longer may be too long for the clock's own units.
    std::this_thread::sleep_for(Seconds(std::min({options.interval_seconds, left, 3600.0})));
  }
}

}  // namespace varscope
