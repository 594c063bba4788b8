// SPDX-License-Identifier: Apache-2.0
// VariableValues: the values of a session's variables, in versions. A run pins one commit and sees all
// variables as of it; a commit replaces any number of values at once.
#pragma once

#include "runtime/kernel.hpp"
#include "runtime/published.hpp"

#include <varscope/array.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace varscope::detail {

class VariableRecord;

/// One value of one variable: immutable, but for the packed forms that kernels add to it as they first need
/// them.
class VariableVersion {
 public:
  explicit VariableVersion(Array value) : value_(std::move(value)) {}
  VariableVersion(const VariableVersion&) = delete;
  VariableVersion& operator=(const VariableVersion&) = delete;
  ~VariableVersion();

  const Array& value() const noexcept { return value_; }

  /// The value in the kernel's layout; made on first use, by whichever thread needs it first (two threads may
  /// both make it; one form is kept). Lock-free. Throws ResourceExhaustedError.
  const void* packed(const Kernel& kernel, const PackedInput& form) const;

 private:
  struct PackedForm {
    std::uint64_t layout;
    Array memory;
    PackedForm* next;
  };

  Array value_;
  // A list that only grows, at its head. release on adding: a form is visible only when it is whole.
  mutable std::atomic<PackedForm*> forms_{nullptr};
};

/// All variables as of one commit, by the variables' dense index; null where one has no value yet.
class Snapshot {
 public:
  const VariableVersion* find(std::size_t index) const noexcept {
    return index < versions_.size() ? versions_[index].get() : nullptr;
  }

 private:
  friend class VariableValues;
  std::vector<std::shared_ptr<const VariableVersion>> versions_;
};

/// Limits: commits are ordered by a lock, readers take none. Invariant: a published snapshot never changes.
class VariableValues {
 public:
  using Pin = Published<Snapshot>::Pin;
  using Change = std::pair<std::size_t, Array>;

  VariableValues();

  /// The latest commit. Lock-free.
  Pin pin() const { return snapshot_.pin(); }

  /// Gives all these variables their new values in one commit. Throws ResourceExhaustedError or
  /// std::bad_alloc; then nothing has changed.
  void commit(std::vector<Change> changes) { publish(std::move(changes), false); }

  /// The same, but a variable that got a value meanwhile keeps it: how initial values arrive.
  void commit_missing(std::vector<Change> changes) { publish(std::move(changes), true); }

 private:
  void publish(std::vector<Change> changes, bool only_missing);

  std::mutex writer_;
  Published<Snapshot> snapshot_;
};

}  // namespace varscope::detail
