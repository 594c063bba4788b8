// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_match.hpp"
#include "checkpoint_series.hpp"
#include "checkpoint_state.hpp"
#include "checkpoint_writer.hpp"
#include "chunk_codec.hpp"
#include "open_checkpoint.hpp"
#include "save_queue.hpp"
#include "saver_bindings.hpp"
#include "saver_path.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/partitioned_values.hpp>
#include <varscope/saver.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>

namespace varscope {

namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The variables themselves, of partitioned ones the parts.
std::vector<Variable> single_variables(std::span<const io::Binding> bindings) {
  std::vector<Variable> singles;
  singles.reserve(bindings.size());
  for (const io::Binding& binding : bindings) {
    if (!binding.variable.is_partitioned()) {
      singles.push_back(binding.variable);
      continue;
    }
    const std::vector<Variable> parts = binding.variable.partitions();
    singles.insert(singles.end(), parts.begin(), parts.end());
  }
  return singles;
}

/// The values under their keys; parts are put together. `values` are those of single_variables().
std::vector<std::pair<std::string, Array>> named_values(std::span<const io::Binding> bindings,
                                                        std::vector<Array> values) {
  std::vector<std::pair<std::string, Array>> named;
  named.reserve(bindings.size());
  std::size_t next = 0;
  for (const io::Binding& binding : bindings) {
    if (!binding.variable.is_partitioned()) {
      named.emplace_back(binding.key, std::move(values[next++]));
      continue;
    }
    const std::size_t count = binding.variable.partitions().size();
    const std::span<Array> own = std::span(values).subspan(next, count);
    named.emplace_back(binding.key, join_partitions(binding.variable, own));
    next += count;
  }
  return named;
}

}  // namespace

namespace detail {

/// The bindings of a graph's global variables, kept from one save to the next. Thread-safe.
class GraphBindings {
 public:
  using Bindings = std::shared_ptr<const std::vector<io::Binding>>;

  Bindings of(const Graph& graph, std::vector<Variable> variables) {
    // A variable may turn out to be a part a little later than it is there.
    const auto parts = std::count_if(variables.begin(), variables.end(), [](const Variable& variable) {
      return static_cast<bool>(variable.partitioned_variable());
    });
    {
      const std::lock_guard lock(mutex_);
      if (bindings_ != nullptr && graph_ == graph.id() && parts_ == parts && variables_ == variables) {
        return bindings_;
      }
    }
    auto bindings = std::make_shared<const std::vector<io::Binding>>(io::bind_global(variables));
    const std::lock_guard lock(mutex_);
    graph_ = graph.id();
    parts_ = parts;
    variables_ = std::move(variables);
    bindings_ = std::move(bindings);
    return bindings_;
  }

 private:
  std::mutex mutex_;
  std::uint64_t graph_ = 0;  // these four are protected by mutex_
  std::ptrdiff_t parts_ = 0;
  std::vector<Variable> variables_;
  Bindings bindings_;
};

class SaverState {
 public:
  /// Without bindings: for all variables of each session's graph.
  SaverState(std::optional<std::vector<io::Binding>> bindings, const SaverOptions& options)
      : files_(io::posix_file_system()),
        bindings_(bindings ? std::make_shared<const std::vector<io::Binding>>(std::move(*bindings))
                           : nullptr),
        reshape_(options.reshape),
        allow_empty_(options.allow_empty),
        pad_step_number_(options.pad_step_number),
        compression_level_(options.compression_level),
        series_(files_, options.max_to_keep, options.keep_checkpoint_every_n_hours, now_seconds()) {
    io::require_compression_level(compression_level_);
    if (!bindings_ || !bindings_->empty() || allow_empty_) return;
    throw ValueError("cannot make a Saver: no variables are given; if that may be, give allow_empty");
  }

  std::string save(Session& session, const std::string& given_path, const SaveOptions& options) {
    const std::string path = io::saver_path(files_, given_path, options, pad_step_number_);
    const Bindings bindings = bindings_for(session);
    if (bindings->empty()) return {};
    write(path, named_values(*bindings, session.read_shared(single_variables(*bindings))), options, nullptr);
    return path;
  }

  /// All that takes time with the number of variables is left to the thread.
  std::shared_ptr<const io::PendingSave> save_async(Session& session, const std::string& given_path,
                                                    const SaveOptions& options) {
    const std::string path = io::saver_path(files_, given_path, options, pad_step_number_);
    const SessionSnapshot snapshot = session.snapshot();
    if (bindings_ ? bindings_->empty() : !snapshot.has_global_variables()) {
      if (!allow_empty_) refuse_empty();
      const auto nothing = std::make_shared<io::PendingSave>("");
      nothing->finish(nullptr);
      return nothing;
    }
    const auto pending = std::make_shared<io::PendingSave>(path);
    queue_.add(pending, [this, snapshot, options](io::PendingSave& save) {
      const Bindings bindings =
          bindings_ ? bindings_ : graph_bindings_.of(snapshot.graph(), snapshot.global_variables());
      write(save.path(), named_values(*bindings, snapshot.read_shared(single_variables(*bindings))), options,
            &save.progress());
    });
    return pending;
  }

  void restore(Session& session, const std::string& given_path, const RestoreOptions& options) const {
    const Bindings bindings = bindings_for(session);
    if (bindings->empty()) return;
    const OpenCheckpoint checkpoint(files_, io::require_checkpoint(files_, given_path));
    const io::CheckpointMatch match = io::match_checkpoint(checkpoint, *bindings, options, reshape_);
    io::require_complete(checkpoint, match, options.refuse_unexpected);
    session.load_shared(io::read_values(checkpoint, match.pairs));
  }

  RestoreReport restore_matching(Session& session, const std::string& given_path,
                                 const RestoreOptions& options) const {
    const Bindings bindings = bindings_for(session);
    if (bindings->empty()) return {};
    const OpenCheckpoint checkpoint(files_, io::require_checkpoint(files_, given_path));
    io::CheckpointMatch match = io::match_checkpoint(checkpoint, *bindings, options, reshape_);
    if (options.refuse_unexpected) io::require_nothing_unexpected(match.report);
    io::list_restored(match);
    session.load_shared(io::read_values(checkpoint, match.pairs));
    return std::move(match.report);
  }

  std::vector<std::string> last_checkpoints() const {
    const std::lock_guard lock(mutex_);
    return series_.paths();
  }

  void set_last_checkpoints(std::vector<io::CheckpointSeries::Checkpoint> checkpoints) {
    const std::lock_guard lock(mutex_);
    series_.set(std::move(checkpoints));
  }

  void recover_last_checkpoints(std::span<const std::string> paths) {
    const std::lock_guard lock(mutex_);
    series_.recover(paths);
  }

 private:
  using Bindings = GraphBindings::Bindings;

  Bindings bindings_for(const Session& session) const {
    if (bindings_) return bindings_;
    Bindings bindings = graph_bindings_.of(session.graph(), session.graph().global_variables());
    if (bindings->empty() && !allow_empty_) refuse_empty();
    return bindings;
  }

  [[noreturn]] static void refuse_empty() {
    throw ValueError(
        "there is nothing to save or restore: the graph has no variables; if that may be, give the Saver "
        "allow_empty");
  }

  void write(const std::string& path, std::vector<std::pair<std::string, Array>> values,
             const SaveOptions& options, io::WriteProgress* progress) {
    io::write_checkpoint(files_, path, values,
                         {.global_step = options.global_step, .compression_level = compression_level_},
                         progress);
    values = {};
    if (!options.write_state) return;
    const std::lock_guard lock(mutex_);
    series_.add(path, options.latest_filename, now_seconds());
  }

  // Fixed after construction.
  io::FileSystem& files_;
  Bindings bindings_;  // null: those of each session's graph
  bool reshape_;
  bool allow_empty_;
  bool pad_step_number_;
  int compression_level_;

  mutable GraphBindings graph_bindings_;
  mutable std::mutex mutex_;
  io::CheckpointSeries series_;  // protected by mutex_

  io::SaveQueue queue_;  // the last member: its thread uses the others
};

}  // namespace detail

Saver::Saver(const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(std::nullopt, options)) {}

Saver::Saver(std::span<const Variable> variables, const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(io::bind_by_name(variables), options)) {}

Saver::Saver(std::initializer_list<Variable> variables, const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(io::bind_by_name({variables.begin(), variables.size()}),
                                                  options)) {}

Saver::Saver(OfMap, const std::map<std::string, Variable>& variables, const SaverOptions& options) {
  const std::vector<std::pair<const std::string, Variable>> pairs(variables.begin(), variables.end());
  state_ = std::make_unique<detail::SaverState>(io::bind_by_map(pairs), options);
}

Saver::Saver(std::initializer_list<std::pair<const std::string, Variable>> variables,
             const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(io::bind_by_map({variables.begin(), variables.size()}),
                                                  options)) {}

Saver::~Saver() = default;
Saver::Saver(Saver&&) noexcept = default;
Saver& Saver::operator=(Saver&&) noexcept = default;

std::string Saver::save(Session& session, const std::string& path, const SaveOptions& options) {
  return state_->save(session, path, options);
}

SaveHandle Saver::save_async(Session& session, const std::string& path, const SaveOptions& options) {
  return SaveHandle(state_->save_async(session, path, options));
}

const std::string& SaveHandle::path() const noexcept {
  return save_->path();
}

bool SaveHandle::done() const {
  return save_->done();
}

double SaveHandle::progress() const noexcept {
  return save_->done() ? 1.0 : save_->progress().share();
}

const std::string& SaveHandle::wait() const {
  save_->wait();
  return save_->path();
}

void Saver::restore(Session& session, const std::string& path, const RestoreOptions& options) const {
  state_->restore(session, path, options);
}

RestoreReport Saver::restore_matching(Session& session, const std::string& path,
                                      const RestoreOptions& options) const {
  return state_->restore_matching(session, path, options);
}

std::vector<std::string> Saver::last_checkpoints() const {
  return state_->last_checkpoints();
}

void Saver::set_last_checkpoints(std::span<const std::string> paths) {
  std::vector<io::CheckpointSeries::Checkpoint> checkpoints;
  for (const std::string& path : paths) {
    checkpoints.push_back({path, std::numeric_limits<double>::infinity()});
  }
  state_->set_last_checkpoints(std::move(checkpoints));
}

void Saver::set_last_checkpoints_with_time(std::span<const std::pair<std::string, double>> paths) {
  std::vector<io::CheckpointSeries::Checkpoint> checkpoints;
  for (const auto& [path, written] : paths) {
    if (std::isnan(written)) {
      throw ValueError("the time of the checkpoint '" + path + "' is not a number; give seconds since 1970");
    }
    checkpoints.push_back({path, written});
  }
  state_->set_last_checkpoints(std::move(checkpoints));
}

void Saver::recover_last_checkpoints(std::span<const std::string> paths) {
  state_->recover_last_checkpoints(paths);
}

}  // namespace varscope
