// SPDX-License-Identifier: Apache-2.0
// What a checkpoint has of what a restore wants: found out in full before anything is changed.
#pragma once

#include "open_checkpoint.hpp"
#include "saver_bindings.hpp"

#include <varscope/array.hpp>
#include <varscope/restore_report.hpp>
#include <varscope/saver.hpp>

#include <span>
#include <utility>
#include <vector>

namespace varscope::io {

/// What will be restored, and the report on everything.
struct CheckpointMatch {
  struct Pair {
    const Binding* binding;
    const CheckpointEntry* entry;
    bool is_reshaped;  ///< another shape of as many elements
  };
  std::vector<Pair> pairs;
  RestoreReport report;  ///< without `restored`
};

/// Compares bindings, sorted by key, with a checkpoint; both must outlive the result. With `reshape` any
/// shape with as many elements fits. Throws ValueError for scopes that cannot be renamed so. Thread-safe.
CheckpointMatch match_checkpoint(const detail::OpenCheckpoint& checkpoint, std::span<const Binding> bindings,
                                 const RestoreOptions& options, bool reshape);

/// Puts what will be restored into the report, which nobody else needs.
void list_restored(CheckpointMatch& match);

/// Throws one error for everything that the report finds missing, mismatched or, if asked, unexpected:
/// NotFoundError if anything is missing, else InvalidArgumentError.
void require_complete(const detail::OpenCheckpoint& checkpoint, const CheckpointMatch& match,
                      bool refuse_unexpected);

/// Throws InvalidArgumentError if there is anything unexpected.
void require_nothing_unexpected(const RestoreReport& report);

/// Reads and verifies the values of all pairs; of a partitioned variable one for each part. No two
/// share elements. Throws what OpenCheckpoint::read() throws. Thread-safe.
std::vector<std::pair<Variable, Array>> read_values(const detail::OpenCheckpoint& checkpoint,
                                                    std::span<const CheckpointMatch::Pair> pairs);

}  // namespace varscope::io
