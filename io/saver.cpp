// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_series.hpp"
#include "checkpoint_state.hpp"
#include "checkpoint_writer.hpp"
#include "nearest_names.hpp"
#include "open_checkpoint.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/saver.hpp>
#include <varscope/tensor.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <mutex>
#include <string_view>

namespace varscope {

namespace {

constexpr std::string_view kSuffix = ".h5";
constexpr std::size_t kPaddedStepDigits = 8;

/// A variable and its key, its name in the file.
using Binding = std::pair<std::string, Variable>;

double now_seconds() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since_1970).count();
}

void require_variable(const Variable& variable, const std::string& which) {
  if (!variable) throw ValueError("cannot make a Saver: " + which + " refers to no variable");
  if (variable.record() != nullptr) return;
  throw TypeError("cannot make a Saver: " + which + ", '" + variable.name() +
                  "', is not a single variable: " +
                  (variable.is_partitioned()
                       ? "it is partitioned; give each of its partitions() a key"
                       : "a custom getter computed it; give the variables that it was computed from"));
}

/// Throws ValueError if a key comes twice.
void sort_by_key(std::vector<Binding>& bindings) {
  std::sort(bindings.begin(), bindings.end(),
            [](const Binding& a, const Binding& b) { return a.first < b.first; });
  const auto twin = std::adjacent_find(bindings.begin(), bindings.end(),
                                       [](const Binding& a, const Binding& b) { return a.first == b.first; });
  if (twin != bindings.end()) {
    throw ValueError("cannot make a Saver: two of the variables have the name '" + twin->first + "'");
  }
}

std::vector<Binding> bind_by_name(std::span<const Variable> variables) {
  std::vector<Binding> bindings;
  for (std::size_t index = 0; index < variables.size(); ++index) {
    // A partitioned variable stands for its parts.
    for (const Variable& variable : variables[index].partitions()) {
      require_variable(variable, "element " + std::to_string(index) + " of the list");
      bindings.emplace_back(variable.op().name(), variable);
    }
  }
  sort_by_key(bindings);
  return bindings;
}

std::vector<Binding> bind_by_map(std::span<const std::pair<const std::string, Variable>> variables) {
  std::vector<Binding> bindings;
  for (const auto& [key, variable] : variables) {
    if (key.empty()) throw ValueError("cannot make a Saver: a key of the map is empty");
    require_variable(variable, "the key '" + key + "'");
    bindings.emplace_back(key, variable);
  }
  std::sort(bindings.begin(), bindings.end(), [](const Binding& a, const Binding& b) {
    return std::less<>()(a.second.record(), b.second.record());
  });
  const auto shared =
      std::adjacent_find(bindings.begin(), bindings.end(),
                         [](const Binding& a, const Binding& b) { return a.second == b.second; });
  if (shared != bindings.end()) {
    throw ValueError("cannot make a Saver: the variable '" + shared->second.op().name() +
                     "' has two keys, '" + shared->first + "' and '" + std::next(shared)->first + "'");
  }
  sort_by_key(bindings);
  return bindings;
}

std::string step_text(std::int64_t step, bool padded) {
  std::string digits = std::to_string(step);
  if (padded && digits.size() < kPaddedStepDigits) digits.insert(0, kPaddedStepDigits - digits.size(), '0');
  return digits;
}

/// The file that a save writes. Throws ValueError for paths that cannot be saved to.
std::string checkpoint_path(io::FileSystem& files, std::string path, const SaveOptions& options,
                            bool pad_step_number) {
  const std::string given = path;
  if (path.ends_with(kSuffix)) path.resize(path.size() - kSuffix.size());
  if (io::file_name_of(path).empty()) {
    throw ValueError("cannot save to '" + given + "': the path has no file name");
  }
  if (options.global_step) {
    if (*options.global_step < 0) {
      throw ValueError("cannot save to '" + given + "': the global step is " +
                       std::to_string(*options.global_step));
    }
    path += "-" + step_text(*options.global_step, pad_step_number);
  }
  path += kSuffix;
  const std::string directory = io::directory_of(path);
  const std::optional<io::FileStatus> status = files.status(directory);
  if (!status || !status->is_directory) {
    throw ValueError("cannot save to '" + given + "': the directory '" + directory +
                     "' does not exist; make it first");
  }
  if (options.write_state) {
    if (options.latest_filename.empty() || options.latest_filename.find('/') != std::string::npos) {
      throw ValueError("latest_filename is '" + options.latest_filename +
                       "'; it must be a file name without a directory");
    }
    if (options.latest_filename == io::file_name_of(path)) {
      throw ValueError("cannot save to '" + path + "': the state file has the same name, '" +
                       options.latest_filename + "'");
    }
  }
  return path;
}

std::string describe(DType dtype, const Shape& shape) {
  return std::string(dtype_name(dtype)) + shape.to_string();
}

/// Compares what is wanted with what is there, and throws one error for everything that does not fit.
void require_match(const detail::OpenCheckpoint& checkpoint, const std::vector<Binding>& wanted) {
  std::vector<std::string> names;
  for (const CheckpointEntry& entry : checkpoint.entries()) names.push_back(entry.name);
  std::size_t problems = 0;
  bool missing = false;
  std::string lines;
  for (const auto& [key, variable] : wanted) {
    const CheckpointEntry* entry = checkpoint.find(key);
    if (entry != nullptr && entry->dtype == variable.dtype() && entry->shape == variable.shape()) continue;
    ++problems;
    lines += "\n  '" + key + "'";
    if (variable.op().name() != key) lines += " for the variable '" + variable.op().name() + "'";
    lines += ": wanted " + describe(variable.dtype(), variable.shape()) + " (made at " +
             to_string(variable.where()) + "), ";
    if (entry != nullptr) {
      lines += "found " + describe(entry->dtype, entry->shape);
    } else {
      missing = true;
      lines += "not found" + io::describe_nearest_names(key, names);
    }
  }
  if (problems == 0) return;
  const std::string message = "cannot restore from '" + checkpoint.path() + "': of " +
                              std::to_string(wanted.size()) + " variables, " + std::to_string(problems) +
                              " do not fit, and none was changed:" + lines +
                              "\nThe graph may not be the one that was saved. A Saver for a list of "
                              "variables restores a part, one for "
                              "a map restores under other names.";
  if (missing) throw NotFoundError(message);
  throw InvalidArgumentError(message);
}

/// Of a path that leads to nothing. Throws ValueError with the checkpoints that are there instead.
[[noreturn]] void refuse_missing(io::FileSystem& files, const std::string& path) {
  std::string message = "'" + path + "' is not a valid checkpoint: there is no such file";
  std::vector<std::string> checkpoints;
  try {
    for (std::string& name : files.list(io::directory_of(path))) {
      if (name.ends_with(kSuffix)) checkpoints.push_back(std::move(name));
    }
  } catch (const Error&) {
    message += ", nor a directory '" + io::directory_of(path) + "'";
  }
  if (!checkpoints.empty()) {
    message += " in its directory" + io::describe_nearest_names(io::file_name_of(path), checkpoints);
  }
  throw ValueError(message);
}

}  // namespace

namespace detail {

class SaverState {
 public:
  /// Without bindings: for all variables of each session's graph.
  SaverState(std::optional<std::vector<Binding>> bindings, const SaverOptions& options)
      : files_(io::posix_file_system()),
        bindings_(std::move(bindings)),
        pad_step_number_(options.pad_step_number),
        series_(files_, options.max_to_keep, options.keep_checkpoint_every_n_hours, now_seconds()) {
    if (bindings_ && bindings_->empty()) throw ValueError("cannot make a Saver: no variables are given");
  }

  std::string save(Session& session, const std::string& given_path, const SaveOptions& options) {
    const std::string path = checkpoint_path(files_, given_path, options, pad_step_number_);
    const std::vector<Binding> bindings = bindings_for(session);
    std::vector<Variable> variables;
    for (const auto& [key, variable] : bindings) variables.push_back(variable);
    std::vector<Array> values = session.read_shared(variables);
    std::vector<std::pair<std::string, Array>> named;
    for (std::size_t k = 0; k < bindings.size(); ++k) {
      named.emplace_back(bindings[k].first, std::move(values[k]));
    }
    io::write_checkpoint(files_, path, named, {.global_step = options.global_step});
    if (options.write_state) {
      const std::lock_guard lock(mutex_);
      series_.add(path, options.latest_filename, now_seconds());
    }
    return path;
  }

  void restore(Session& session, const std::string& given_path) const {
    const std::string path = io::find_checkpoint(files_, given_path);
    if (path.empty() || !files_.status(path)) refuse_missing(files_, path);
    const std::vector<Binding> bindings = bindings_for(session);
    const OpenCheckpoint checkpoint(files_, path);
    require_match(checkpoint, bindings);
    std::vector<std::pair<Variable, Array>> values;
    std::vector<OpenCheckpoint::Destination> destinations;
    values.reserve(bindings.size());
    destinations.reserve(bindings.size());
    for (const auto& [key, variable] : bindings) {
      const CheckpointEntry& entry = checkpoint.entry(key);
      Array array = Array::uninitialized(entry.shape, entry.dtype);
      destinations.push_back({&entry, {static_cast<std::byte*>(array.data()), array.num_bytes()}});
      values.emplace_back(variable, std::move(array));
    }
    checkpoint.read(destinations);
    session.load_shared(std::move(values));
  }

  std::vector<std::string> last_checkpoints() const {
    const std::lock_guard lock(mutex_);
    return series_.paths();
  }

  void recover_last_checkpoints(std::span<const std::string> paths) {
    const std::lock_guard lock(mutex_);
    series_.recover(paths);
  }

 private:
  std::vector<Binding> bindings_for(const Session& session) const {
    if (bindings_) return *bindings_;
    std::vector<Binding> bindings = bind_by_name(session.graph().global_variables());
    if (bindings.empty()) throw ValueError("there is nothing to save or restore: the graph has no variables");
    return bindings;
  }

  // Fixed after construction.
  io::FileSystem& files_;
  std::optional<std::vector<Binding>> bindings_;
  bool pad_step_number_;

  mutable std::mutex mutex_;
  io::CheckpointSeries series_;  // protected by mutex_
};

}  // namespace detail

Saver::Saver(const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(std::nullopt, options)) {}

Saver::Saver(std::span<const Variable> variables, const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(bind_by_name(variables), options)) {}

Saver::Saver(std::initializer_list<Variable> variables, const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(bind_by_name({variables.begin(), variables.size()}),
                                                  options)) {}

Saver::Saver(const std::map<std::string, Variable>& variables, const SaverOptions& options) {
  const std::vector<std::pair<const std::string, Variable>> pairs(variables.begin(), variables.end());
  state_ = std::make_unique<detail::SaverState>(bind_by_map(pairs), options);
}

Saver::Saver(std::initializer_list<std::pair<const std::string, Variable>> variables,
             const SaverOptions& options)
    : state_(std::make_unique<detail::SaverState>(bind_by_map({variables.begin(), variables.size()}),
                                                  options)) {}

Saver::~Saver() = default;
Saver::Saver(Saver&&) noexcept = default;
Saver& Saver::operator=(Saver&&) noexcept = default;

std::string Saver::save(Session& session, const std::string& path, const SaveOptions& options) {
  return state_->save(session, path, options);
}

void Saver::restore(Session& session, const std::string& path) const {
  state_->restore(session, path);
}

std::vector<std::string> Saver::last_checkpoints() const {
  return state_->last_checkpoints();
}

void Saver::recover_last_checkpoints(std::span<const std::string> paths) {
  state_->recover_last_checkpoints(paths);
}

}  // namespace varscope
