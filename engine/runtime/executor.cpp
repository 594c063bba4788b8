// SPDX-License-Identifier: Apache-2.0
#include "runtime/executor.hpp"

#include "runtime/fork_join_order.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/parallel_ranges.hpp>

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <cstring>

namespace varscope::detail {

namespace {

/// A wave cheaper than this is faster on one thread: waking others costs a few microseconds.
constexpr double parallel_threshold_nanoseconds = 5000;

/// What is wrong with the data, and where; the first tile that reports wins.
struct Failure {
  std::atomic<const char*> text{nullptr};
  std::atomic<std::size_t> step{0};

  void report(const char* what, std::size_t where) noexcept {
    const char* none = nullptr;
    // relaxed: both are read after the wave has ended, which orders them.
    if (text.compare_exchange_strong(none, what, std::memory_order_relaxed)) {
      step.store(where, std::memory_order_relaxed);
    }
  }
};

/// Calls body(begin, end) over pieces of [begin, end) in the caller's arena, each at least `grain` long where
/// it can be.
template <typename Body>
void parallel_loop(std::int64_t begin, std::int64_t end, std::int64_t grain, const Body& body) {
  ForkJoinOrder order;
  tbb::parallel_for(tbb::blocked_range<std::int64_t>(begin, end, static_cast<std::size_t>(grain)),
                    OrderedBody(order, body));
}

class PlanRun {
 public:
  PlanRun(const ExecutionPlan& plan, RunFrame& frame, const RunArguments& arguments)
      : plan_(plan), frame_(frame), arguments_(arguments) {}

  void run() {
    set_addresses();
    const bool parallel = arguments_.parallel && tbb::this_task_arena::max_concurrency() > 1;
    for (const PlannedWave& wave : plan_.waves) {
      pack_inputs(wave);
      for (int stage = 0; stage < wave.num_stages; ++stage) {
        if (parallel && wave.cost_nanoseconds >= parallel_threshold_nanoseconds) {
          run_parallel(wave, stage);
        } else {
          run_serial(wave, stage);
        }
        throw_if_failed();
      }
    }
    copy_results();
  }

 private:
  void set_addresses() {
    auto* arena = static_cast<std::byte*>(frame_.arena.data());
    for (std::size_t i = 0; i < plan_.values.size(); ++i) {
      const PlannedValue& value = plan_.values[i];
      void* address = nullptr;
      switch (value.place) {
        // Inputs are only read: kernels see them through pointers to const.
        case Place::feed:
          address = const_cast<void*>(arguments_.feeds[value.index].data());
          break;
        case Place::constant:
          address = const_cast<void*>(plan_.constants[value.index].data());
          break;
        case Place::variable:
          address = const_cast<void*>(version(value.index).value().data());
          break;
        case Place::arena:
          address = arena + value.offset;
          break;
        case Place::result:
          address = result(value.index).data();
          break;
      }
      frame_.values[i] = address;
    }
    std::size_t input = 0;
    std::size_t output = 0;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const PlannedStep& step = plan_.steps[i];
      for (std::size_t value : step.inputs) frame_.inputs[input++] = frame_.values[value];
      set_stale(step, output);
      for (std::size_t value : step.outputs) frame_.outputs[output++] = frame_.values[value];
      frame_.steps[i].run_number = arguments_.run_number;
    }
  }

  void set_stale(const PlannedStep& step, std::size_t first_output) {
    for (std::size_t i = 0; i < step.assigned_outputs.size(); ++i) {
      const std::size_t assigned = step.assigned_outputs[i];
      // If the caller fetches the new value, it is made in the caller's array.
      const bool in_place = assigned < arguments_.stale.size() &&
                            frame_.values[step.outputs[i]] == arguments_.assigned[assigned].data();
      frame_.stale[first_output + i] = in_place ? arguments_.stale[assigned] : StaleRows{};
    }
  }

  /// The caller's array of a fetch, or, counted on behind those, that of an assignment.
  Array& result(std::size_t fetch) const {
    const std::size_t fetches = arguments_.results.size();
    return fetch < fetches ? arguments_.results[fetch] : arguments_.assigned[fetch - fetches];
  }

  const VariableVersion& version(std::size_t variable) const {
    return *arguments_.variables->find(plan_.variables[variable]->index());
  }

  void pack_inputs(const PlannedWave& wave) {
    for (std::size_t i = wave.first_step; i < wave.end_step; ++i) {
      const PlannedStep& step = plan_.steps[i];
      if (step.pack_source == PackSource::none) continue;
      const std::size_t value = step.inputs[static_cast<std::size_t>(step.packed_input->input)];
      switch (step.pack_source) {
        case PackSource::none:
          break;
        case PackSource::constant:
          frame_.steps[i].packed = step.packed_constant.data();
          break;
        case PackSource::variable:
          frame_.steps[i].packed =
              version(plan_.values[value].index).packed(*step.kernel, *step.packed_input);
          break;
        case PackSource::run: {
          void* packed = static_cast<std::byte*>(frame_.arena.data()) + step.packed_offset;
          step.kernel->pack(frame_.values[value], packed);
          frame_.steps[i].packed = packed;
          break;
        }
      }
    }
  }

  static std::int64_t num_tiles(const PlannedStep& step, int stage) {
    return stage < step.num_stages ? step.kernel->num_tiles(stage) : 0;
  }

  void run_tile(std::size_t step, int stage, std::int64_t tile) noexcept {
    if (const char* wrong = plan_.steps[step].kernel->run_tile(stage, tile, frame_.steps[step])) {
      failure_.report(wrong, step);
    }
  }

  void run_serial(const PlannedWave& wave, int stage) {
    for (std::size_t step = wave.first_step; step < wave.end_step; ++step) {
      const std::int64_t count = num_tiles(plan_.steps[step], stage);
      for (std::int64_t tile = 0; tile < count; ++tile) run_tile(step, stage, tile);
    }
  }

  /// The tiles of all steps of the wave in one loop, so that independent branches fill the threads together.
  void run_parallel(const PlannedWave& wave, int stage) {
    std::int64_t total = 0;
    for (std::size_t step = wave.first_step; step < wave.end_step; ++step) {
      total += num_tiles(plan_.steps[step], stage);
    }
    parallel_loop(0, total, 1, [&](std::int64_t begin, std::int64_t end) {
      std::int64_t first = 0;  // number of the step's first tile in the wave
      for (std::size_t step = wave.first_step; step < wave.end_step && begin < end; ++step) {
        const std::int64_t next = first + num_tiles(plan_.steps[step], stage);
        for (; begin < std::min(next, end); ++begin) run_tile(step, stage, begin - first);
        first = next;
      }
    });
  }

  void throw_if_failed() const {
    const char* text = failure_.text.load(std::memory_order_relaxed);
    if (text == nullptr) return;
    const PlannedStep& step = plan_.steps[failure_.step.load(std::memory_order_relaxed)];
    throw InvalidArgumentError("operation " + describe(*step.node) + " cannot be computed: " + text);
  }

  /// Fetched or assigned feeds, constants and variables, and what is both or is fetched twice.
  void copy_results() {
    for (std::size_t fetch = 0; fetch < plan_.fetches.size(); ++fetch) {
      if (!plan_.fetches[fetch]) continue;
      const void* source = frame_.values[*plan_.fetches[fetch]];
      Array& target = result(fetch);
      if (source != target.data() && target.num_bytes() > 0)
        std::memcpy(target.data(), source, target.num_bytes());
    }
    for (std::size_t i = 0; i < arguments_.changed_rows.size(); ++i) {
      if (!plan_.changed_rows[i]) continue;
      Array& target = arguments_.changed_rows[i];
      if (target.num_bytes() > 0)
        std::memcpy(target.data(), frame_.values[*plan_.changed_rows[i]], target.num_bytes());
    }
  }

  const ExecutionPlan& plan_;
  RunFrame& frame_;
  const RunArguments& arguments_;
  Failure failure_;
};

}  // namespace

void execute(const ExecutionPlan& plan, RunFrame& frame, const RunArguments& arguments) {
  PlanRun(plan, frame, arguments).run();
}

}  // namespace varscope::detail

namespace varscope {

void parallel_ranges(std::int64_t count, std::int64_t grain,
                     const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
  if (count <= grain) {
    if (count > 0) body(0, count);
    return;
  }
  // Isolated: while it waits, this thread must not take up an unrelated task that waits for what it is
  // making.
  tbb::this_task_arena::isolate([&] { detail::parallel_loop(0, count, grain, body); });
}

}  // namespace varscope
