// SPDX-License-Identifier: Apache-2.0
// SessionSnapshot: the values of all variables of a session as of one commit, taken at once and looked at
// later.
#pragma once

#include <varscope/array.hpp>
#include <varscope/export.hpp>
#include <varscope/variable.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace varscope {

namespace detail {
struct SnapshotState;
}

/// What Session::snapshot() returns: a value; copies are the same snapshot. Const, hence thread-safe. It
/// keeps the values as of its commit, in memory too, however much is assigned meanwhile, and may outlive the
/// session, but not the graph.
class VARSCOPE_API SessionSnapshot {
 public:
  explicit SessionSnapshot(std::shared_ptr<const detail::SnapshotState> state) noexcept
      : state_(std::move(state)) {}

  Graph& graph() const noexcept;

  /// What Graph::global_variables() was when the snapshot was taken.
  std::vector<Variable> global_variables() const;
  /// Whether there are any.
  bool has_global_variables() const noexcept;

  /// The values of the variables as of the commit, shared as those of Session::read_shared(). For one that
  /// had none yet its initializer runs, which is that of the moment of the snapshot; the session is not
  /// changed. Throws what Session::read_shared() does.
  std::vector<Array> read_shared(const std::vector<Variable>& variables) const;

 private:
  std::shared_ptr<const detail::SnapshotState> state_;
};

}  // namespace varscope
