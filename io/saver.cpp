// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_match.hpp"
#include "checkpoint_series.hpp"
#include "checkpoint_state.hpp"
#include "checkpoint_writer.hpp"
#include "open_checkpoint.hpp"
#include "partitioned_values.hpp"
#include "saver_bindings.hpp"
#include "saver_path.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/saver.hpp>

#include <limits>
#include <mutex>

namespace varscope {

namespace {

double seconds_since_1970(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double now_seconds() {
  return seconds_since_1970(std::chrono::system_clock::now());
}

/// The values of all variables as of one commit, under their keys; parts are put together.
std::vector<std::pair<std::string, Array>> named_values(Session& session,
                                                        const std::vector<io::Binding>& bindings) {
  std::vector<Variable> singles;
  for (const io::Binding& binding : bindings) {
    const std::vector<Variable> parts = binding.variable.partitions();
    singles.insert(singles.end(), parts.begin(), parts.end());
  }
  std::vector<Array> values = session.read_shared(singles);
  std::vector<std::pair<std::string, Array>> named;
  std::size_t next = 0;
  for (const io::Binding& binding : bindings) {
    const std::size_t count = binding.variable.partitions().size();
    const std::span<Array> own = std::span(values).subspan(next, count);
    named.emplace_back(binding.key, binding.variable.is_partitioned()
                                        ? io::join_partitions(binding.variable, own)
                                        : std::move(own.front()));
    next += count;
  }
  return named;
}

}  // namespace

namespace detail {

class SaverState {
 public:
  /// Without bindings: for all variables of each session's graph.
  SaverState(std::optional<std::vector<io::Binding>> bindings, const SaverOptions& options)
      : files_(io::posix_file_system()),
        bindings_(std::move(bindings)),
        reshape_(options.reshape),
        allow_empty_(options.allow_empty),
        pad_step_number_(options.pad_step_number),
        series_(files_, options.max_to_keep, options.keep_checkpoint_every_n_hours, now_seconds()) {
    if (!bindings_ || !bindings_->empty() || allow_empty_) return;
    throw ValueError("cannot make a Saver: no variables are given; if that may be, give allow_empty");
  }

  std::string save(Session& session, const std::string& given_path, const SaveOptions& options) {
    const std::string path = io::saver_path(files_, given_path, options, pad_step_number_);
    const std::vector<io::Binding> bindings = bindings_for(session);
    if (bindings.empty()) return {};
    const std::vector<std::pair<std::string, Array>> values = named_values(session, bindings);
    io::write_checkpoint(files_, path, values, {.global_step = options.global_step});
    if (options.write_state) {
      const std::lock_guard lock(mutex_);
      series_.add(path, options.latest_filename, now_seconds());
    }
    return path;
  }

  void restore(Session& session, const std::string& given_path, const RestoreOptions& options) const {
    const std::vector<io::Binding> bindings = bindings_for(session);
    if (bindings.empty()) return;
    const OpenCheckpoint checkpoint(files_, io::require_checkpoint(files_, given_path));
    const io::CheckpointMatch match = io::match_checkpoint(checkpoint, bindings, options, reshape_);
    io::require_complete(checkpoint, match.report, options.refuse_unexpected);
    session.load_shared(io::read_values(checkpoint, match.pairs));
  }

  RestoreReport restore_matching(Session& session, const std::string& given_path,
                                 const RestoreOptions& options) const {
    const std::vector<io::Binding> bindings = bindings_for(session);
    if (bindings.empty()) return {};
    const OpenCheckpoint checkpoint(files_, io::require_checkpoint(files_, given_path));
    io::CheckpointMatch match = io::match_checkpoint(checkpoint, bindings, options, reshape_);
    if (options.refuse_unexpected) io::require_nothing_unexpected(match.report);
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
  std::vector<io::Binding> bindings_for(const Session& session) const {
    if (bindings_) return *bindings_;
    std::vector<io::Binding> bindings = io::bind_graph(session.graph());
    if (!bindings.empty() || allow_empty_) return bindings;
    throw ValueError(
        "there is nothing to save or restore: the graph has no variables; if that may be, give the Saver "
        "allow_empty");
  }

  // Fixed after construction.
  io::FileSystem& files_;
  std::optional<std::vector<io::Binding>> bindings_;
  bool reshape_;
  bool allow_empty_;
  bool pad_step_number_;

  mutable std::mutex mutex_;
  io::CheckpointSeries series_;  // protected by mutex_
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

void Saver::set_last_checkpoints_with_time(
    std::span<const std::pair<std::string, std::chrono::system_clock::time_point>> paths) {
  std::vector<io::CheckpointSeries::Checkpoint> checkpoints;
  for (const auto& [path, written] : paths) checkpoints.push_back({path, seconds_since_1970(written)});
  state_->set_last_checkpoints(std::move(checkpoints));
}

void Saver::recover_last_checkpoints(std::span<const std::string> paths) {
  state_->recover_last_checkpoints(paths);
}

}  // namespace varscope
