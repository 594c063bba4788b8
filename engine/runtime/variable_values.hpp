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
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace varscope::detail {

class VariableRecord;

/// One value of one variable: immutable, but for the packed forms that kernels add to it as they first need
/// them.
class VariableVersion {
 public:
  /// `own_memory`: whether the elements lie in memory that the session may use again when nobody reads them.
  /// `changed_rows`: where the value differs from that of the version before it; none: anywhere.
  VariableVersion(Array value, bool own_memory, std::optional<Array> changed_rows)
      : value_(std::move(value)), own_memory_(own_memory), changed_rows_(std::move(changed_rows)) {}
  VariableVersion(const VariableVersion&) = delete;
  VariableVersion& operator=(const VariableVersion&) = delete;
  ~VariableVersion();

  const Array& value() const noexcept { return value_; }
  bool own_memory() const noexcept { return own_memory_; }
  const std::optional<Array>& changed_rows() const noexcept { return changed_rows_; }

  /// The value in the kernel's layout; made on first use, by whichever thread needs it first (two threads may
  /// both make it; one form is kept). Lock-free. Throws ResourceExhaustedError.
  const void* packed(const Kernel& kernel, const PackedInput& form) const;

 private:
  struct PackedForm {
    std::uint64_t layout;
    Array memory;
    PackedForm* next;
  };

  const Array value_;
  const bool own_memory_;
  const std::optional<Array> changed_rows_;
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

/// Limits: commits are ordered by a lock, readers take none.
///
/// Invariants:
///   1. A published snapshot never changes.
///   2. The memory of a value is written again only after no snapshot has its version any more, and no Array
///      outside shares it. The spare versions are in no snapshot that is published, so nobody can come to
///      have one that it has not had since before.
///   3. Where the current version of a variable has changed_rows() and there is a spare version, that is the
///      one before it: who commits changed rows has taken the spare one first (memory_for()), and a commit
///      leaves the version that it replaces, or none.
class VariableValues {
 public:
  using Pin = Published<Snapshot>::Pin;

  /// The next value of the variable with that index, and the rows, int64, in which it differs from its
  /// current one: ascending, then -1; none: it may in any.
  struct Change {
    Change(std::size_t of, Array next, std::optional<Array> rows = std::nullopt)
        : index(of), value(std::move(next)), changed_rows(std::move(rows)) {}
    std::size_t index;
    Array value;
    std::optional<Array> changed_rows;
  };

  /// Memory for a value, and the rows in which it is not the current value yet; none: it may be anything.
  struct Memory {
    Array value;
    std::optional<Array> stale_rows;
  };

  VariableValues();

  /// The latest commit. Lock-free.
  Pin pin() const { return snapshot_.pin(); }

  /// Memory for the next value of a variable: that of the value before the current one if nobody has that any
  /// more, else new, and unset. So a training step, which replaces all values over and over, writes to two
  /// arrays of each variable in turn, and touches no fresh memory; and one that replaces some rows has to
  /// copy only those that the step before it replaced. Throws ResourceExhaustedError.
  Memory memory_for(std::size_t index, const Shape& shape, DType dtype);

  /// Gives all these variables their new values, which nobody else may hold, in one commit. Throws
  /// ResourceExhaustedError or std::bad_alloc; then nothing has changed.
  void commit(std::vector<Change> changes) { publish(std::move(changes), Arrival::replacing); }

  /// The same of arrays whose memory others may read for ever.
  void commit_shared(std::vector<Change> changes) { publish(std::move(changes), Arrival::shared); }

  /// As commit(), but a variable that got a value meanwhile keeps it: how initial values arrive.
  void commit_missing(std::vector<Change> changes) { publish(std::move(changes), Arrival::missing); }

 private:
  enum class Arrival { replacing, shared, missing };
  using Version = std::shared_ptr<const VariableVersion>;

  void publish(std::vector<Change> changes, Arrival arrival);

  std::mutex writer_;
  std::vector<Version> spares_;  // by index: what was replaced last, for its memory
  Published<Snapshot> snapshot_;
};

}  // namespace varscope::detail
