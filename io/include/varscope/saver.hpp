// SPDX-License-Identifier: Apache-2.0
// Saver: saves the variables of a graph in HDF5 checkpoints, keeps the newest of them, and restores.
#pragma once

#include <varscope/export.hpp>
#include <varscope/latest_checkpoint.hpp>
#include <varscope/restore_report.hpp>
#include <varscope/session.hpp>
#include <varscope/variable.hpp>

#include <concepts>
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

namespace io {
class PendingSave;
}

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
  /// Checkpoints are compressed without loss: 1, fast, to 9, small (WriteCheckpointOptions). 0 compresses
  /// nothing. A Saver restores both kinds, whatever it writes.
  int compression_level = 0;
  /// A restore takes any shape with the same number of elements, in row-major order.
  bool reshape = false;
  /// Nothing to save is no error: then save() writes nothing and returns "", and a restore does nothing.
  bool allow_empty = false;
};

struct SaveOptions {
  /// Becomes part of the file's name, and stands in the file.
  std::optional<std::int64_t> global_step = std::nullopt;
  /// The name of the state file, which lies beside the checkpoint.
  std::string latest_filename = "checkpoint";
  /// Without it the checkpoint is neither listed in the state file nor ever removed.
  bool write_state = true;
};

struct RestoreOptions {
  /// Scopes that are called otherwise in the checkpoint: {{"old/", "new/"}} restores the variables below
  /// "new/" from the tensors below "old/". Both end in "/"; the root is "/". Of several around a variable the
  /// innermost counts.
  std::vector<std::pair<std::string, std::string>> renamed_scopes = {};
  /// A tensor in the file that no variable wants is an error.
  bool refuse_unexpected = false;
};

/// A save that goes on by itself: what Saver::save_async() returns. A value; copies are about the same save,
/// and may outlive the Saver. Thread-safe.
class VARSCOPE_API SaveHandle {
 public:
  explicit SaveHandle(std::shared_ptr<const io::PendingSave> save) noexcept : save_(std::move(save)) {}

  /// The file that it makes; empty if there was nothing to save.
  const std::string& path() const noexcept;

  /// Whether it has ended, well or not.
  bool done() const;

  /// How much of the data has been written, from 0 to 1, which it also is a little before the save has ended.
  double progress() const noexcept;

  /// Returns when it has ended: the path. Throws what save() would have thrown, each time.
  const std::string& wait() const;

 private:
  std::shared_ptr<const io::PendingSave> save_;
};

/// Saves and restores variables, as TensorFlow's Saver does (SEMANTICS 2.3; docs/saver.md has every row). The
/// key of a variable is its op name, "conv1/weights", and its dataset "/conv1/weights:0", unless a map says
/// otherwise. A partitioned variable is one tensor of its full shape under its full name, so that it can be
/// restored into other parts, or into none, and the other way round. Every member may be called from any
/// thread at any time, beside runs and training steps.
class VARSCOPE_API Saver {
 public:
  /// For all global variables of a session's graph, as they are at each save or restore. (TensorFlow takes
  /// the default graph's at construction; so `Saver()` need not come after the last variable here.)
  explicit Saver(const SaverOptions& options = {});

  /// For these variables: a vector, array or list of them. All parts of a partitioned variable stand for
  /// that. Throws ValueError if there are none (unless allow_empty), one of them refers to nothing, two have
  /// one name (as a variable and parts may), or parts are missing; TypeError for one that a custom getter
  /// computed.
  explicit Saver(std::span<const Variable> variables, const SaverOptions& options = {});
  Saver(std::initializer_list<Variable> variables, const SaverOptions& options = {});

  /// For these variables under names of your own: the way to rename on save or restore. A part of a
  /// partitioned variable is a variable like any other here. Throws ValueError if there are none (unless
  /// allow_empty), one refers to nothing, a name is empty, or one variable has two names; TypeError as above.
  /// (A template so that options in braces never count as a map.)
  template <std::same_as<std::map<std::string, Variable>> Map>
  explicit Saver(const Map& variables, const SaverOptions& options = {})
      : Saver(OfMap(), variables, options) {}
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
  /// Throws ValueError: nothing to save (unless allow_empty); a path without a file name or in a directory
  /// that does not exist (none is made); a negative step; a `latest_filename` with a directory or equal to
  /// the checkpoint's name. Otherwise what write_checkpoint() throws. Then there is no new checkpoint, unless
  /// the state file is what could not be written: then it is there, but not listed.
  std::string save(Session& session, const std::string& path, const SaveOptions& options = {});

  /// The same without waiting: takes the values as of one commit, without copying or even counting them, and
  /// returns in a fraction of a millisecond, whatever there is; a thread of this Saver writes them while the
  /// session goes on. Until then old values that training has replaced take memory. The variables are those
  /// of the call too. Those that were never used are saved with what they start with, and are not
  /// initialized. Saves of one Saver come one after the other, in the order of the calls. The Saver's
  /// destructor waits for all of them. The session may go before the save has ended, the graph may not.
  ///
  /// Throws ValueError as save() does, for what can be told at once: nothing to save, the path, the step and
  /// the options. Everything else, such as two variables of one name, is told by the handle.
  SaveHandle save_async(Session& session, const std::string& path, const SaveOptions& options = {});

  /// Gives the variables the values that they have in the checkpoint, in one commit: all of them or, if
  /// anything does not fit, none. The variables need not be initialized, and no initializer runs for them.
  /// What else is in the file is ignored, unless the options say otherwise. `path` is what save() returned;
  /// ".h5" may be left out, and a directory stands for its latest checkpoint.
  ///
  /// Throws ValueError for a path where there is no checkpoint, and for renamed scopes that do not end in
  /// "/", have one name twice or no variable below; NotFoundError if variables are missing in the file,
  /// InvalidArgumentError if shapes or dtypes differ (nothing is converted) or tensors are unexpected, in one
  /// message with everything that does not fit; otherwise what CheckpointReader throws for files that are
  /// damaged or no checkpoints. Then no variable has changed.
  void restore(Session& session, const std::string& path, const RestoreOptions& options = {}) const;

  /// Restores what fits, in one commit, and tells what was restored, what was missing in the file or did not
  /// fit, and what else is in the file. The report is complete before any variable is changed. Throws as
  /// restore(), but not for what is missing or mismatched.
  RestoreReport restore_matching(Session& session, const std::string& path,
                                 const RestoreOptions& options = {}) const;

  /// The checkpoints that this Saver has written and not removed, oldest first. A new Saver starts with none,
  /// and never removes what an earlier process wrote. With max_to_keep 0 it stays empty.
  std::vector<std::string> last_checkpoints() const;

  /// Makes the list go on from these checkpoints, oldest first, which count as infinitely new: as they fall
  /// out of the list they are never removed. Nothing is looked up or removed until the next save.
  void set_last_checkpoints(std::span<const std::string> paths);

  /// The same with the times at which they were written, in seconds since 1970: then they are removed as if
  /// this Saver had. Throws ValueError for a time that is no number; then the list is as before.
  void set_last_checkpoints_with_time(std::span<const std::pair<std::string, double>> paths);

  /// Makes the list go on from earlier checkpoints, oldest first, with their files' times; paths without a
  /// file are left out. Nothing is removed until the next save.
  void recover_last_checkpoints(std::span<const std::string> paths);

 private:
  struct OfMap {};
  Saver(OfMap, const std::map<std::string, Variable>& variables, const SaverOptions& options);

  std::unique_ptr<detail::SaverState> state_;
};

}  // namespace varscope
