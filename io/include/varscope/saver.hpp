// SPDX-License-Identifier: Apache-2.0
// Saver: saves the variables of a graph in HDF5 checkpoints, keeps the newest of them, and restores.
#pragma once

#include <varscope/export.hpp>
#include <varscope/latest_checkpoint.hpp>
#include <varscope/session.hpp>
#include <varscope/variable.hpp>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace varscope {

namespace detail {
class SaverState;
}

struct SaverOptions {
  /// So many checkpoints stay on disk; each save removes at most one older one. 0 keeps all.
  int max_to_keep = 5;
  /// Besides, one checkpoint every so many hours stays for good.
  double keep_checkpoint_every_n_hours = 10000.0;
  /// "filter-00001000.h5" instead of "filter-1000.h5".
  bool pad_step_number = false;
};

struct SaveOptions {
  /// Becomes part of the file's name, and stands in the file.
  std::optional<std::int64_t> global_step = std::nullopt;
  /// The name of the state file, which lies beside the checkpoint.
  std::string latest_filename = "checkpoint";
  /// Without it the checkpoint is neither listed in the state file nor ever removed.
  bool write_state = true;
};

/// Saves and restores variables, as TensorFlow's Saver does (SEMANTICS 2.3). The key of a variable is its op
/// name, "conv1/weights", and its dataset "/conv1/weights:0", unless a map says otherwise. Every member may
/// be called from any thread at any time, beside runs and training steps.
class VARSCOPE_API Saver {
 public:
  /// For all global variables of a session's graph, as they are at each save or restore. (TensorFlow takes
  /// the default graph's at construction; so `Saver()` need not come after the last variable here.)
  explicit Saver(const SaverOptions& options = {});

  /// For these variables: a vector, array or list of them. Throws ValueError if there are none, one of them
  /// refers to nothing, or two have one name.
  explicit Saver(std::span<const Variable> variables, const SaverOptions& options = {});
  Saver(std::initializer_list<Variable> variables, const SaverOptions& options = {});

  /// For these variables under names of your own: the way to rename on save or restore. Throws ValueError if
  /// there are none, one refers to nothing, a name is empty, or one variable has two names.
  explicit Saver(const std::map<std::string, Variable>& variables, const SaverOptions& options = {});
  Saver(std::initializer_list<std::pair<const std::string, Variable>> variables,
        const SaverOptions& options = {});

  ~Saver();
  Saver(Saver&&) noexcept;
  Saver& operator=(Saver&&) noexcept;

  /// Saves the variables' values as of one commit, and returns the path of the file:
  ///
  ///   "checkpoints/filter"                        checkpoints/filter.h5
  ///   "checkpoints/filter", {.global_step = 7}    checkpoints/filter-7.h5
  ///   "checkpoints/filter.h5"                     checkpoints/filter.h5
  ///
  /// Variables that were never used are initialized first. The file appears whole or not at all, then the
  /// state file names it, then the oldest checkpoint beyond max_to_keep is removed; a crash at any instant
  /// leaves a state file that names checkpoints which are there. A checkpoint that cannot be removed stays.
  ///
  /// Throws ValueError: nothing to save; a path without a file name or in a directory that does not exist
  /// (none is made); a negative step; a `latest_filename` with a directory or equal to the checkpoint's name.
  /// Otherwise what write_checkpoint() throws. Then there is no new checkpoint, unless the state file is what
  /// could not be written: then it is there, but not listed.
  std::string save(Session& session, const std::string& path, const SaveOptions& options = {});

  /// Gives the variables the values that they have in the checkpoint, in one commit: all of them or, if
  /// anything does not fit, none. The variables need not be initialized, and no initializer runs for them.
  /// What else is in the file is ignored. `path` is what save() returned; ".h5" may be left out, and a
  /// directory stands for its latest checkpoint.
  ///
  /// Throws ValueError for a path where there is no checkpoint; NotFoundError if variables are missing in the
  /// file, InvalidArgumentError if shapes or dtypes differ (nothing is converted), in one message with every
  /// variable that does not fit; otherwise what CheckpointReader throws for files that are damaged or no
  /// checkpoints. Then no variable has changed.
  void restore(Session& session, const std::string& path) const;

  /// The checkpoints that this Saver has written and not removed, oldest first. A new Saver starts with none,
  /// and never removes what an earlier process wrote. With max_to_keep 0 it stays empty.
  std::vector<std::string> last_checkpoints() const;

  /// Makes the list go on from earlier checkpoints, oldest first, with their files' times; paths without a
  /// file are left out. Nothing is removed until the next save.
  void recover_last_checkpoints(std::span<const std::string> paths);

 private:
  std::unique_ptr<detail::SaverState> state_;
};

}  // namespace varscope
