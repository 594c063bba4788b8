// SPDX-License-Identifier: Apache-2.0
// SessionState: the plans and the variables' values of one session.
#pragma once

#include "runtime/execution_plan.hpp"
#include "runtime/executor.hpp"
#include "runtime/published.hpp"
#include "runtime/variable_values.hpp"

#include <varscope/session.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace varscope::detail {

struct InitialValue;
struct SnapshotState;

/// Fans work out to a fixed number of threads; exists only where the session's options ask for one.
class ThreadLimit;

class SessionState {
 public:
  SessionState(Graph& graph, SessionOptions options);
  ~SessionState();

  Graph& graph() const noexcept { return graph_; }

  /// The latest commit. Lock-free.
  VariableValues::Pin pin() const { return values_.pin(); }

  /// Session::run_into(). `results` has one element for each fetch.
  void run(const PlanRequest& request, std::span<Array> results);

  /// Callable::plan_steps().
  std::vector<PlanStep> plan_steps(const PlanRequest& request);

  std::vector<Array> read(const std::vector<Variable>& variables);
  std::vector<Array> read_shared(const std::vector<Variable>& variables);
  std::vector<Array> read_shared(const SnapshotState& snapshot, const std::vector<Variable>& variables) const;
  void load(const std::vector<std::pair<Variable, Array>>& values);
  void load_shared(std::vector<std::pair<Variable, Array>> values);

  /// Throws ValueError if the tensor or operation is empty or belongs to another graph.
  void require_own(const Operation& operation) const;
  /// Throws what Session::load() does.
  void require_fit(const std::vector<std::pair<Variable, Array>>& values) const;

 private:
  using Plans = std::vector<std::shared_ptr<const ExecutionPlan>>;

  /// More plans than this are forgotten, oldest first: a caller whose shapes never repeat must not fill the
  /// memory.
  static constexpr std::size_t max_plans = 128;

  std::shared_ptr<const ExecutionPlan> compile(const PlanRequest& request);
  void run_plan(const ExecutionPlan& plan, const PlanRequest& request, std::span<Array> results);
  /// Fills in the rest of the arguments and runs the plan on them.
  void execute_plan(const ExecutionPlan& plan, RunArguments arguments);
  /// Throws unless they are single variables of this graph.
  std::vector<const VariableRecord*> records_of(const std::vector<Variable>& variables) const;
  VariableValues::Pin pin_initialized(std::span<const VariableRecord* const> records);
  void initialize_missing(std::span<const VariableRecord* const> records, const Snapshot& snapshot);
  Array initial_value(const VariableRecord& record, const InitialValue& start) const;

  Graph& graph_;
  SessionOptions options_;
  std::unique_ptr<ThreadLimit> thread_limit_;
  VariableValues values_;
  // Held by whoever replaces values, and by a run that assigns from its pin to its commit: so all of them
  // have one order, and no update is lost. Whoever holds it calls no function of the caller's.
  std::mutex assigning_;
  std::mutex plans_writer_;
  Published<Plans> plans_;
  std::atomic<std::uint64_t> num_runs_{0};  // of plans with random operations
};

}  // namespace varscope::detail
