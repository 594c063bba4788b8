// SPDX-License-Identifier: Apache-2.0
// The checkpoints that one Saver has written: which are kept, which is next to go (SEMANTICS SV18 to SV23).
#pragma once

#include "file_system.hpp"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace varscope::io {

/// Not thread-safe. Times are in seconds since 1970.
class CheckpointSeries {
 public:
  struct Checkpoint {
    std::string path;
    double written;  // infinite: falls out of the list, but is never removed
  };

  /// Throws ValueError for a negative number of checkpoints or hours.
  CheckpointSeries(FileSystem& files, int max_to_keep, double keep_checkpoint_every_n_hours, double now);

  /// Takes up a checkpoint that has just been written at `path`: lists it last, writes the state file
  /// `state_file` beside it, and then removes the one that has fallen out of the list, if it is not one to
  /// keep for good. Throws what writing the state file throws; then the list is as before, and nothing has
  /// been removed. A checkpoint that cannot be removed is forgotten.
  void add(const std::string& path, const std::string& state_file, double now);

  /// The list becomes these files, oldest first, with their times; those that do not exist are left out.
  void recover(std::span<const std::string> paths);

  /// The list becomes this, oldest first, whether there are such files or not.
  void set(std::vector<Checkpoint> checkpoints) { kept_ = std::move(checkpoints); }

  /// Oldest first.
  std::vector<std::string> paths() const;

 private:
  FileSystem& files_;
  std::size_t max_to_keep_;
  double keep_seconds_;
  double next_keep_time_;
  std::vector<Checkpoint> kept_;  // oldest first
};

}  // namespace varscope::io
