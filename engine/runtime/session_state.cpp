// SPDX-License-Identifier: Apache-2.0
#include "runtime/session_state.hpp"

#include "graph/graph_state.hpp"
#include "runtime/snapshot_state.hpp"
#include "scope/initializer_body.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/parallel_ranges.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <utility>

namespace varscope::detail {

class ThreadLimit {
 public:
  // No more than oneTBB allows: asked for more it would print a warning.
  explicit ThreadLimit(int threads)
      : arena_(std::min(threads, static_cast<int>(tbb::global_control::active_value(
                                     tbb::global_control::max_allowed_parallelism)))) {}
  tbb::task_arena& arena() noexcept { return arena_; }

 private:
  tbb::task_arena arena_;
};

SessionState::SessionState(Graph& graph, SessionOptions options)
    : graph_(graph), options_(options), plans_(std::make_unique<Plans>()) {
  if (options.intra_op_parallelism_threads < 0) {
    throw ValueError("intra_op_parallelism_threads is " +
                     std::to_string(options.intra_op_parallelism_threads) +
                     "; give the number of threads, or 0 for as many as the caller's oneTBB arena has");
  }
  if (options.intra_op_parallelism_threads > 1) {
    thread_limit_ = std::make_unique<ThreadLimit>(options.intra_op_parallelism_threads);
  }
}

SessionState::~SessionState() = default;

void SessionState::require_own(const Operation& operation) const {
  if (!operation)
    throw ValueError("an empty tensor or operation was given; it must be one of the session's graph");
  if (&operation.graph() != &graph_) {
    throw ValueError(describe(*operation.node()) + " belongs to another graph than the session's");
  }
}

void SessionState::run(const PlanRequest& request, std::span<Array> results) {
  const std::size_t hash = hash_of(request);
  {
    const Published<Plans>::Pin plans = plans_.pin();
    for (const std::shared_ptr<const ExecutionPlan>& plan : *plans) {
      if (plan->matches(hash, request)) return run_plan(*plan, request, results);
    }
  }
  run_plan(*compile(request), request, results);
}

std::vector<PlanStep> SessionState::plan_steps(const PlanRequest& request) {
  const std::shared_ptr<const ExecutionPlan> plan = [&] {
    const std::size_t hash = hash_of(request);
    {
      const Published<Plans>::Pin plans = plans_.pin();
      for (const std::shared_ptr<const ExecutionPlan>& known : *plans) {
        if (known->matches(hash, request)) return known;
      }
    }
    return compile(request);
  }();
  std::vector<PlanStep> steps;
  for (const PlannedStep& step : plan->steps) {
    steps.push_back({std::string(step.node->name()), step.kernel->description()});
  }
  return steps;
}

std::shared_ptr<const ExecutionPlan> SessionState::compile(const PlanRequest& request) {
  for (const Tensor& feed : request.feeds) require_own(feed.op());
  for (const Fetch& fetch : request.fetches) require_own(fetch.op());
  // Compiled outside the lock: two threads may compile the same plan, and both plans are right.
  std::shared_ptr<const ExecutionPlan> plan = compile_plan(request, options_.accuracy);
  const std::lock_guard lock(plans_writer_);
  auto plans = std::make_unique<Plans>(plans_.writer_view());
  if (plans->size() >= max_plans) plans->erase(plans->begin());
  plans->push_back(plan);
  plans_.replace(std::move(plans));
  return plan;
}

namespace {

bool shares_memory(const Array& result, std::span<const Array> feeds) {
  return std::any_of(feeds.begin(), feeds.end(),
                     [&result](const Array& feed) { return feed.data() == result.data(); });
}

/// The arrays that a run writes the new values of variables to, and what is known of the rows in them.
class NextValues {
 public:
  NextValues(const ExecutionPlan& plan, VariableValues& values) : plan_(plan) {
    for (std::size_t i = 0; i < plan.assigned.size(); ++i) {
      const VariableRecord& record = *plan.assigned[i];
      const std::optional<std::size_t>& rows = plan.changed_rows[i];
      VariableValues::Memory memory = values.memory_for(record.index(), record.shape(), record.dtype());
      values_.push_back(std::move(memory.value));
      changed_rows_.push_back(
          Array::uninitialized(rows ? plan.values[*rows].spec.shape : Shape{0}, DType::int64));
      stale_.emplace_back();
      if (!memory.stale_rows) continue;
      const auto stale = std::as_const(*memory.stale_rows).values<std::int64_t>();
      stale_.back() = {.all = false, .rows = stale.data(), .count = static_cast<std::int64_t>(stale.size())};
      stale_rows_.push_back(std::move(*memory.stale_rows));
    }
  }

  std::span<Array> values() noexcept { return values_; }
  std::span<const StaleRows> stale() const noexcept { return stale_; }
  std::span<Array> changed_rows() noexcept { return changed_rows_; }

  void move_to(std::vector<VariableValues::Change>& changes) {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      std::optional<Array> rows;
      if (plan_.changed_rows[i]) rows = std::move(changed_rows_[i]);
      changes.emplace_back(plan_.assigned[i]->index(), std::move(values_[i]), std::move(rows));
    }
  }

 private:
  const ExecutionPlan& plan_;
  std::vector<Array> values_;
  std::vector<Array> changed_rows_;
  std::vector<StaleRows> stale_;
  std::vector<Array> stale_rows_;  // what stale_ points into
};

}  // namespace

void SessionState::run_plan(const ExecutionPlan& plan, const PlanRequest& request, std::span<Array> results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    static const TensorSpec nothing{DType::float32, Shape{0}};  // what an operation gives
    const TensorSpec& wanted = plan.fetches[i] ? plan.values[*plan.fetches[i]].spec : nothing;
    Array& result = results[i];
    // An array that somebody else refers to is left alone: it may be an earlier result, or one of the feeds.
    if (result.dtype() != wanted.dtype || result.shape() != wanted.shape || !result.unique() ||
        shares_memory(result, request.feed_values)) {
      result = Array::uninitialized(wanted.shape, wanted.dtype);
    }
  }
  if (plan.assigned.empty() && plan.assigned_initials.empty()) {
    execute_plan(plan, {.feeds = request.feed_values, .results = results});
    return;
  }
  // What calls functions of the caller's comes before the lock: initial values.
  std::vector<VariableValues::Change> changes;
  const ReplacedInitializers::View initializers = graph_.state().replaced_initializers().view();
  for (const VariableRecord* record : plan.assigned_initials) {
    changes.emplace_back(record->index(), initial_value(*record, initializers.of(*record)));
  }
  (void)pin_initialized(plan.variables);
  const std::lock_guard lock(assigning_);
  NextValues next(plan, values_);
  // Isolated: while it waits for its tiles, this thread must not take up another run that wants the lock.
  tbb::this_task_arena::isolate([&] {
    execute_plan(plan, {.feeds = request.feed_values,
                        .results = results,
                        .assigned = next.values(),
                        .stale = next.stale(),
                        .changed_rows = next.changed_rows()});
  });
  next.move_to(changes);
  values_.commit(std::move(changes));
}

void SessionState::execute_plan(const ExecutionPlan& plan, RunArguments arguments) {
  const VariableValues::Pin variables = pin_initialized(plan.variables);
  arguments.variables = &*variables;
  // relaxed: a counter; runs at once may take numbers in any order.
  arguments.run_number = plan.stateful ? num_runs_.fetch_add(1, std::memory_order_relaxed) : 0;
  arguments.parallel = options_.intra_op_parallelism_threads != 1;
  std::unique_ptr<RunFrame> frame = plan.acquire_frame();
  if (thread_limit_) {
    const bool isolated = !arguments.assigned.empty();
    thread_limit_->arena().execute([&] {
      const auto run = [&] { execute(plan, *frame, arguments); };
      if (isolated) {
        tbb::this_task_arena::isolate(run);
      } else {
        run();
      }
    });
  } else {
    execute(plan, *frame, arguments);
  }
  plan.release_frame(std::move(frame));
}

VariableValues::Pin SessionState::pin_initialized(std::span<const VariableRecord* const> records) {
  while (true) {
    VariableValues::Pin pin = values_.pin();
    const bool complete = std::all_of(records.begin(), records.end(), [&pin](const VariableRecord* record) {
      return pin->find(record->index()) != nullptr;
    });
    if (complete) return pin;
    initialize_missing(records, *pin);
  }
}

void SessionState::initialize_missing(std::span<const VariableRecord* const> records,
                                      const Snapshot& snapshot) {
  // Computed outside the lock: another thread may compute the same values, equal seeds give equal bits, and
  // one set is kept. No other thread waits for an initializer, and an initializer may itself use the session.
  const ReplacedInitializers::View initializers = graph_.state().replaced_initializers().view();
  std::vector<VariableValues::Change> changes;
  for (const VariableRecord* record : records) {
    if (snapshot.find(record->index()) != nullptr) continue;
    changes.emplace_back(record->index(), initial_value(*record, initializers.of(*record)));
  }
  values_.commit_missing(std::move(changes));
}

Array SessionState::initial_value(const VariableRecord& record, const InitialValue& start) const {
  constexpr std::int64_t grain = std::int64_t{1} << 15U;
  const InitializerBody& body = *start.initializer.body();
  Array value = Array::uninitialized(record.shape(), record.dtype());
  const auto fill = [&](std::int64_t begin, std::int64_t end) {
    body.fill(value.data(), begin, end, record.shape(), record.dtype(), start.seeds);
  };
  if (body.divisible() && options_.intra_op_parallelism_threads != 1) {
    parallel_ranges(value.num_elements(), grain, fill);
  } else {
    fill(0, value.num_elements());
  }
  return value;
}

namespace {

/// Throws FailedPreconditionError unless it is a single variable with a value of its own.
void require_single(const Variable& variable) {
  if (variable.record() == nullptr) (void)variable.initializer();  // says what it is instead
}

}  // namespace

std::vector<Array> SessionState::read(const std::vector<Variable>& variables) {
  std::vector<Array> values = read_shared(variables);
  for (Array& value : values) value = value.copy();
  return values;
}

std::vector<const VariableRecord*> SessionState::records_of(const std::vector<Variable>& variables) const {
  std::vector<const VariableRecord*> records;
  records.reserve(variables.size());
  for (const Variable& variable : variables) {
    require_single(variable);
    require_own(variable.op());
    records.push_back(variable.record());
  }
  return records;
}

std::vector<Array> SessionState::read_shared(const SnapshotState& snapshot,
                                             const std::vector<Variable>& variables) const {
  const std::vector<const VariableRecord*> records = records_of(variables);
  std::vector<Array> values;
  values.reserve(records.size());
  for (const VariableRecord* record : records) {
    const VariableVersion* const version = snapshot.values->find(record->index());
    values.push_back(version != nullptr ? version->value()
                                        : initial_value(*record, snapshot.initializers.of(*record)));
  }
  return values;
}

std::vector<Array> SessionState::read_shared(const std::vector<Variable>& variables) {
  const std::vector<const VariableRecord*> records = records_of(variables);
  const VariableValues::Pin pin = pin_initialized(records);
  std::vector<Array> values;
  values.reserve(records.size());
  for (const VariableRecord* record : records) values.push_back(pin->find(record->index())->value());
  return values;
}

void SessionState::load(const std::vector<std::pair<Variable, Array>>& values) {
  require_fit(values);  // before anything is copied
  std::vector<std::pair<Variable, Array>> copies = values;
  for (auto& [variable, value] : copies) value = value.copy();
  load_shared(std::move(copies));
}

void SessionState::require_fit(const std::vector<std::pair<Variable, Array>>& values) const {
  std::string mismatches;
  for (const auto& [variable, value] : values) {
    require_single(variable);
    require_own(variable.op());
    if (variable.dtype() != value.dtype() || variable.shape() != value.shape()) {
      mismatches += "\n  " + variable.name() + " (made at " + to_string(variable.where()) + ") is " +
                    std::string(dtype_name(variable.dtype())) + variable.shape().to_string() +
                    ", but was given " + value.description();
    }
  }
  if (!mismatches.empty()) {
    throw InvalidArgumentError("no variable was changed, because the values of some do not fit:" +
                               mismatches);
  }
}

void SessionState::load_shared(std::vector<std::pair<Variable, Array>> values) {
  require_fit(values);
  std::vector<VariableValues::Change> changes;
  changes.reserve(values.size());
  for (auto& [variable, value] : values) changes.emplace_back(variable.record()->index(), std::move(value));
  const std::lock_guard lock(assigning_);  // not in the middle of a run that reads what it assigns
  values_.commit_shared(std::move(changes));
}

}  // namespace varscope::detail
