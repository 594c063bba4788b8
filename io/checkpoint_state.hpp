// SPDX-License-Identifier: Apache-2.0
// The state file: a small text file beside the checkpoints that says which of them there are, and which is
// the latest. TensorFlow's format (SEMANTICS 2.4), a text protocol buffer with paths relative to its
// directory:
//
//   model_checkpoint_path: "filter-1000.h5"
//   all_model_checkpoint_paths: "filter-500.h5"
//   all_model_checkpoint_paths: "filter-1000.h5"
#pragma once

#include "file_system.hpp"

#include <varscope/latest_checkpoint.hpp>

#include <optional>
#include <string>
#include <vector>

namespace varscope::io {

/// The name of the state file, unless a save says otherwise.
inline constexpr char kDefaultStateFile[] = "checkpoint";

struct CheckpointState {
  std::string latest;
  std::vector<std::string> all;  ///< oldest first; ends with `latest`
};

/// Writes the state file, whole or not at all. The paths are as the caller uses them; those below `directory`
/// are stored relative to it, so that the directory can be moved. Throws what the file system does.
void write_checkpoint_state(FileSystem& files, const std::string& directory, const std::string& file_name,
                            const CheckpointState& state);

/// Reads the state file, its paths joined to `directory`. Empty if there is none, or none that can be read
/// and parsed. Throws ValueError, naming the file, for one that names no latest checkpoint.
std::optional<CheckpointState> read_checkpoint_state(FileSystem& files, const std::string& directory,
                                                     const std::string& file_name);

/// As varscope::find_latest_checkpoint().
LatestCheckpoint find_latest_checkpoint(FileSystem& files, const std::string& directory,
                                        const LatestCheckpointOptions& options);

/// The checkpoint file that a user means by `path`: the file itself; with ".h5" behind, if only that exists;
/// of a directory its latest checkpoint. Throws ValueError for a directory without one. A path of nothing is
/// returned as it is, for the caller's own error.
std::string find_checkpoint(FileSystem& files, const std::string& path);

/// The same, but a path of nothing is a ValueError with the checkpoints that are there instead.
std::string require_checkpoint(FileSystem& files, const std::string& path);

}  // namespace varscope::io
