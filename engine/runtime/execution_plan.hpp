// SPDX-License-Identifier: Apache-2.0
// ExecutionPlan: what a set of feeds, fetches and shapes compiles to. Immutable, shared by all threads that
// run it.
//
// Values are what operations make and use; every value has a place. Steps are kernels with the values they
// read and write. Steps of one wave do not depend on each other; waves run in order.
#pragma once

#include "graph/op_definition.hpp"
#include "graph/operation_node.hpp"
#include "runtime/kernel.hpp"

#include <varscope/accuracy.hpp>
#include <varscope/array.hpp>
#include <varscope/session.hpp>
#include <varscope/tensor.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace varscope::detail {

/// Where the memory of a value is during a run.
enum class Place {
  feed,      // the caller's array number `index`
  constant,  // the plan's array number `index`
  variable,  // the pinned version of variable number `index` of the plan
  arena,     // `offset` bytes into the run's arena
  result,    // the array of fetch number `index`, or, counted on behind those, of assignment
};

struct PlannedValue {
  TensorSpec spec;
  Place place = Place::arena;
  std::size_t index = 0;
  std::size_t offset = 0;
};

/// How a step gets the packed form of an input.
enum class PackSource {
  none,
  variable,  // kept with the variable's version
  constant,  // made when the plan was
  run,       // made in the arena in every run
};

struct PlannedStep {
  std::unique_ptr<const Kernel> kernel;
  const OperationNode* node = nullptr;  // for messages; of a fused step its first operation
  std::vector<std::size_t> inputs;      // values
  std::vector<std::size_t> outputs;
  std::optional<PackedInput> packed_input;
  PackSource pack_source = PackSource::none;
  Array packed_constant;
  std::size_t packed_offset = 0;     // in the arena, for PackSource::run
  std::size_t workspace_offset = 0;  // in the arena
  int wave = 0;
  int num_stages = 1;
  /// Of a step that changes some rows: for each output that is the new value of an assigned variable and is
  /// made from its value from before the run, the number of that variable in `assigned`; else no_index.
  std::vector<std::size_t> assigned_outputs;
};

struct PlannedWave {
  std::size_t first_step = 0;
  std::size_t end_step = 0;
  int num_stages = 1;
  double cost_nanoseconds = 0;
};

/// The memory of one run in progress. Frames are kept and used again, so that a warm run allocates nothing.
struct RunFrame {
  Array arena;
  std::vector<void*> values;           // address of each value
  std::vector<const void*> inputs;     // of all steps, one after the other
  std::vector<void*> outputs;          // likewise
  std::vector<StaleRows> stale;        // likewise
  std::vector<KernelArguments> steps;  // pointing into the three above
};

/// Feeds and fetches as the caller gave them: what a plan is found by.
struct PlanRequest {
  std::span<const Tensor> feeds;
  std::span<const Array> feed_values;  // their dtypes and shapes count, not their elements
  std::span<const Fetch> fetches;
};

class ExecutionPlan {
 public:
  ExecutionPlan() = default;
  ExecutionPlan(const ExecutionPlan&) = delete;
  ExecutionPlan& operator=(const ExecutionPlan&) = delete;
  ~ExecutionPlan();

  bool matches(std::size_t hash, const PlanRequest& request) const noexcept;

  /// A frame for one run: one that an earlier run has left, else a new one. Lock-free.
  std::unique_ptr<RunFrame> acquire_frame() const;
  void release_frame(std::unique_ptr<RunFrame> frame) const noexcept;

  // The signature.
  std::size_t hash = 0;
  std::vector<Tensor> feeds;
  std::vector<TensorSpec> feed_specs;
  std::vector<Tensor> fetched_tensors;  // empty handles for operations
  std::vector<Operation> fetched_operations;

  // What to run.
  std::vector<PlannedValue> values;
  std::vector<PlannedStep> steps;
  std::vector<PlannedWave> waves;
  std::vector<Array> constants;
  std::vector<const VariableRecord*> variables;          // those it reads
  std::vector<const VariableRecord*> assigned_initials;  // those it sets to their initial values
  std::vector<const VariableRecord*> assigned;           // those it gives new values
  // The value of each fetch, none for an operation, and behind those of each variable in `assigned`.
  std::vector<std::optional<std::size_t>> fetches;
  /// Of each variable in `assigned` the value that says in which rows it changes; none: in any.
  std::vector<std::optional<std::size_t>> changed_rows;
  std::size_t arena_bytes = 0;
  bool stateful = false;

 private:
  static constexpr std::size_t num_kept_frames = 16;
  // Each element holds a frame that nobody uses, or nullptr; exchange moves ownership.
  mutable std::array<std::atomic<RunFrame*>, num_kept_frames> kept_frames_{};
};

std::size_t hash_of(const PlanRequest& request) noexcept;

/// Compiles: prune, infer shapes, fold constants, fuse, choose kernels, place buffers. Throws
/// InvalidArgumentError for a placeholder that is needed and not fed or fed wrongly, ValueError for shapes
/// that do not fit.
std::shared_ptr<const ExecutionPlan> compile_plan(const PlanRequest& request,
                                                  Accuracy accuracy = Accuracy::fast);

}  // namespace varscope::detail
