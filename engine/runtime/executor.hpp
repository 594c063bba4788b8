// SPDX-License-Identifier: Apache-2.0
// Executor: runs a plan's waves on oneTBB, in the caller's arena.
#pragma once

#include "runtime/execution_plan.hpp"
#include "runtime/variable_values.hpp"

#include <varscope/array.hpp>

#include <cstdint>
#include <span>

namespace varscope::detail {

/// Everything that one run reads and writes.
struct RunArguments {
  std::span<const Array> feeds;
  std::span<Array> results;   // one for each fetch, of its dtype and shape
  std::span<Array> assigned;  // one for each variable that gets a new value
  /// One for each of these: where the array does not hold the variable's value from before the run. None: it
  /// may anywhere.
  std::span<const StaleRows> stale;
  /// One for each of these: gets the rows in which it changes, if the plan knows them.
  std::span<Array> changed_rows;
  const Snapshot* variables = nullptr;
  std::uint64_t run_number = 0;
  bool parallel = true;
};

/// Runs the plan. Lock-free; allocates nothing but packed forms of new variable versions. Throws
/// InvalidArgumentError, naming operation and line, if a kernel finds its data wrong. Requires: every
/// variable of the plan has a value.
void execute(const ExecutionPlan& plan, RunFrame& frame, const RunArguments& arguments);

}  // namespace varscope::detail
