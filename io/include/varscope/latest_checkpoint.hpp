// SPDX-License-Identifier: Apache-2.0
// Which checkpoint of a directory to go on from.
#pragma once

#include <varscope/export.hpp>

#include <optional>
#include <string>
#include <vector>

namespace varscope {

struct LatestCheckpointOptions {
  std::string latest_filename = "checkpoint";  ///< the state file's name
  bool verify_data = false;                    ///< read all data too, and compare its checksums
};

/// A checkpoint that the state file names, but that cannot be used.
struct SkippedCheckpoint {
  std::string path;
  std::string reason;  ///< the message of the error that opening it gave
};

struct LatestCheckpoint {
  std::optional<std::string> path;         ///< empty if there is none that can be used
  std::vector<SkippedCheckpoint> skipped;  ///< newer ones, newest first
};

/// The newest checkpoint that the state file of `directory` names and that can be read, and which newer ones
/// were passed over and why: a lost or damaged file costs one generation and not the training run. "Newest"
/// is the last one saved, not the one with the highest step. Each candidate's metadata is verified in full.
/// No state file, or one that cannot be parsed, is like an empty one. Throws ValueError for a state file
/// without a latest checkpoint (SEMANTICS ST6). Thread-safe.
VARSCOPE_API LatestCheckpoint find_latest_checkpoint(const std::string& directory,
                                                     const LatestCheckpointOptions& options = {});

/// The path alone.
VARSCOPE_API std::optional<std::string> latest_checkpoint(const std::string& directory,
                                                          const LatestCheckpointOptions& options = {});

struct WaitForNewCheckpointOptions {
  std::string latest_filename = "checkpoint";  ///< the state file's name
  double interval_seconds = 1;                 ///< between two looks at the state file
};

/// Waits until the latest checkpoint of `directory` is another than `last`, which is what an earlier call or
/// latest_checkpoint() returned, or nothing for any; returns its path, or nothing when the timeout is over
/// (never, if it is infinite). The first look is immediate and the last one at the end, so a timeout of 0
/// only looks. The directory need not exist yet. A checkpoint that cannot be read is not there, and one saved
/// again under its old path is not new. For programs that evaluate what another one trains. Throws ValueError
/// for an interval that is not above 0 and a timeout that is no number, and as find_latest_checkpoint().
/// Thread-safe; blocks the calling thread.
VARSCOPE_API std::optional<std::string> wait_for_new_checkpoint(
    const std::string& directory, const std::optional<std::string>& last, double timeout_seconds,
    const WaitForNewCheckpointOptions& options = {});

}  // namespace varscope
