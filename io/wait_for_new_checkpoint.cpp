// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_state.hpp"

#include <varscope/error.hpp>
#include <varscope/latest_checkpoint.hpp>

#include <algorithm>
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
                                                   std::chrono::milliseconds timeout,
                                                   const WaitForNewCheckpointOptions& options) {
  using Clock = std::chrono::steady_clock;
  if (options.interval.count() <= 0) {
    throw ValueError("cannot wait for a checkpoint in '" + directory + "': the interval is " +
                     std::to_string(options.interval.count()) + " ms; give one above 0");
  }
  const Clock::time_point begin = Clock::now();
  while (true) {
    if (std::optional<std::string> found = new_checkpoint(directory, last, options.latest_filename)) {
      return found;
    }
    // In milliseconds: a timeout that means "for ever" is too long for the clock's own units.
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    if (waited >= timeout) return std::nullopt;
    std::this_thread::sleep_for(std::min(options.interval, timeout - waited));
  }
}

}  // namespace varscope
