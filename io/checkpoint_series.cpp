// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_series.hpp"

#include "checkpoint_state.hpp"

#include <varscope/error.hpp>

#include <optional>
#include <utility>

namespace varscope::io {

namespace {

constexpr double kSecondsPerHour = 3600.0;

}  // namespace

CheckpointSeries::CheckpointSeries(FileSystem& files, int max_to_keep, double keep_checkpoint_every_n_hours,
                                   double now)
    : files_(files),
      max_to_keep_(static_cast<std::size_t>(max_to_keep)),
      keep_seconds_(keep_checkpoint_every_n_hours * kSecondsPerHour),
      next_keep_time_(now + keep_seconds_) {
  if (max_to_keep < 0) {
    throw ValueError("max_to_keep is " + std::to_string(max_to_keep) + "; give 0 to keep all checkpoints");
  }
  if (!(keep_checkpoint_every_n_hours > 0)) {
    throw ValueError("keep_checkpoint_every_n_hours is " + std::to_string(keep_checkpoint_every_n_hours) +
                     "; it must be above 0");
  }
}

void CheckpointSeries::add(const std::string& path, const std::string& state_file, double now) {
  std::vector<Checkpoint> kept = kept_;
  std::optional<Checkpoint> fallen;
  if (max_to_keep_ > 0) {
    std::erase_if(kept, [&](const Checkpoint& each) { return each.path == path; });  // it moves to the end
    kept.push_back({path, now});
    if (kept.size() > max_to_keep_) {
      fallen = std::move(kept.front());
      kept.erase(kept.begin());
    }
  }
  CheckpointState state{.latest = path, .all = {}};
  for (const Checkpoint& each : kept) state.all.push_back(each.path);
  // Without a limit nothing is taken up, but the list may have been set.
  if (state.all.empty() || state.all.back() != path) state.all.push_back(path);
  write_checkpoint_state(files_, directory_of(path), state_file, state);
  kept_ = std::move(kept);

  if (!fallen) return;
  if (fallen->written > next_keep_time_) {
    next_keep_time_ += keep_seconds_;
    return;
  }
  try {
    files_.remove(fallen->path);
  } catch (const Error&) {
    // The save has succeeded; an old file too many is no reason to call it failed.
  }
}

void CheckpointSeries::recover(std::span<const std::string> paths) {
  std::vector<Checkpoint> kept;
  for (const std::string& path : paths) {
    const std::optional<FileStatus> status = files_.status(path);
    if (status && !status->is_directory) kept.push_back({path, status->modified_seconds});
  }
  kept_ = std::move(kept);
}

std::vector<std::string> CheckpointSeries::paths() const {
  std::vector<std::string> paths;
  for (const Checkpoint& each : kept_) paths.push_back(each.path);
  return paths;
}

}  // namespace varscope::io
