// SPDX-License-Identifier: Apache-2.0
// Lowers the operations of a run to kernels, waves and places in memory.
#include "runtime/collect_operations.hpp"
#include "runtime/execution_plan.hpp"
#include "runtime/memory_plan.hpp"
#include "runtime/plan_graph.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <unordered_map>

namespace varscope::detail {

namespace {

/// Memory that one or more values share: a value, the views of it, and what is computed in place of it.
struct Storage {
  std::size_t bytes = 0;
  int first_wave = 0;
  int last_wave = 0;
  std::size_t result = no_index;  // the fetch whose array it is
  std::size_t merged_into = no_index;
};

std::size_t bytes_of(const TensorSpec& spec) {
  return static_cast<std::size_t>(spec.shape.num_elements()) * dtype_size(spec.dtype);
}

class PlanLowering {
 public:
  PlanLowering(const PlanGraph& graph, const std::vector<std::optional<std::size_t>>& fetched,
               ExecutionPlan& plan)
      : graph_(graph),
        fetched_(fetched),
        plan_(plan),
        root_(graph.values.size()),
        producer_(graph.values.size(), -1) {
    for (std::size_t value = 0; value < root_.size(); ++value) root_[value] = value;
  }

  void run() {
    make_steps();
    sort_into_waves();
    make_storages();
    find_changed_rows();
    compute_in_place();
    place_memory();
    place_values();
    make_waves();
  }

 private:
  bool computed(std::size_t value) const {
    return graph_.values[root_[value]].source == ValueSource::computed;
  }

  void make_steps() {
    std::vector<int> wave_of_root(graph_.values.size(), -1);  // -1: there before the first wave
    for (const GraphOperation& operation : graph_.operations) {
      if (operation.removed) continue;
      std::unique_ptr<Kernel> kernel;
      try {
        kernel = operation.definition->make_kernel(graph_.specs_of(operation.inputs),
                                                   graph_.specs_of(operation.outputs));
      } catch (const UnimplementedError& error) {
        throw UnimplementedError("operation " + describe(*operation.node) + ": " + error.what());
      }
      if (kernel == nullptr) {
        root_[operation.outputs[0]] = root_[operation.inputs[0]];
        continue;
      }
      PlannedStep step;
      step.node = operation.node;
      step.inputs = operation.inputs;
      step.outputs = operation.outputs;
      step.num_stages = kernel->num_stages();
      for (std::size_t input : step.inputs) step.wave = std::max(step.wave, wave_of_root[root_[input]] + 1);
      for (std::size_t output : step.outputs) wave_of_root[output] = step.wave;
      if (operation.definition->changed_rows_input() >= 0) {
        step.assigned_outputs.assign(step.outputs.size(), no_index);
        rows_of_step_[operation.node] =
            operation.inputs[static_cast<std::size_t>(operation.definition->changed_rows_input())];
      }
      set_packing(step, *kernel);
      step.kernel = std::move(kernel);
      plan_.steps.push_back(std::move(step));
    }
  }

  /// Of a value that the run replaces nobody would use the packed form again: it is made in the arena, which
  /// is used again.
  bool replaced_by_this_run(const GraphValue& value) const {
    const VariableRecord* const record = plan_.variables[value.index];
    return std::find(plan_.assigned.begin(), plan_.assigned.end(), record) != plan_.assigned.end();
  }

  void set_packing(PlannedStep& step, const Kernel& kernel) {
    step.packed_input = kernel.packed_input();
    if (!step.packed_input) return;
    const GraphValue& value =
        graph_.values[root_[step.inputs[static_cast<std::size_t>(step.packed_input->input)]]];
    if (value.source == ValueSource::variable && !replaced_by_this_run(value)) {
      step.pack_source = PackSource::variable;
    } else if (value.source == ValueSource::constant) {
      step.pack_source = PackSource::constant;
      step.packed_constant =
          Array::uninitialized(Shape{static_cast<std::int64_t>(step.packed_input->bytes)}, DType::uint8);
      kernel.pack(graph_.constants[value.index].data(), step.packed_constant.data());
    } else {
      step.pack_source = PackSource::run;
    }
  }

  void sort_into_waves() {
    std::stable_sort(plan_.steps.begin(), plan_.steps.end(),
                     [](const PlannedStep& a, const PlannedStep& b) { return a.wave < b.wave; });
  }

  void make_storages() {
    storages_.resize(graph_.values.size());
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const PlannedStep& step = plan_.steps[i];
      for (std::size_t output : step.outputs) {
        producer_[output] = static_cast<int>(i);
        storages_[output] = {
            .bytes = bytes_of(graph_.values[output].spec), .first_wave = step.wave, .last_wave = step.wave};
      }
      for (std::size_t input : step.inputs) {
        Storage& storage = storages_[root_[input]];
        storage.last_wave = std::max(storage.last_wave, step.wave);
      }
    }
    // A fetched value is computed straight into the caller's array; of several fetches of one memory, into
    // the first.
    for (std::size_t fetch = 0; fetch < fetched_.size(); ++fetch) {
      if (!fetched_[fetch] || !computed(*fetched_[fetch])) continue;
      Storage& storage = storages_[root_[*fetched_[fetch]]];
      if (storage.result == no_index) storage.result = fetch;
    }
  }

  /// An assigned variable of which a step changes some rows of the value from before the run: the run keeps
  /// which, to its end.
  void find_changed_rows() {
    plan_.changed_rows.resize(plan_.assigned.size());
    const std::size_t num_fetches = fetched_.size() - plan_.assigned.size();
    for (std::size_t i = 0; i < plan_.assigned.size(); ++i) {
      const std::optional<std::size_t> value = fetched_[num_fetches + i];
      if (!value || producer_[root_[*value]] < 0) continue;
      PlannedStep& step = plan_.steps[static_cast<std::size_t>(producer_[root_[*value]])];
      for (std::size_t output = 0; output < step.assigned_outputs.size(); ++output) {
        if (step.outputs[output] != root_[*value]) continue;
        const GraphValue& before = graph_.values[root_[step.inputs[output]]];
        if (before.source != ValueSource::variable || plan_.variables[before.index] != plan_.assigned[i])
          continue;
        step.assigned_outputs[output] = i;
        const std::size_t rows = rows_of_step_.at(step.node);
        plan_.changed_rows[i] = rows;
        Storage& storage = storages_[root_[rows]];
        storage.last_wave = std::max(storage.last_wave, plan_.steps.back().wave);
      }
    }
  }

  /// Lets a step write over its input where nothing reads that input afterwards.
  void compute_in_place() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const PlannedStep& step = plan_.steps[i];
      const int in_place = step.kernel->in_place_input();
      if (in_place < 0) continue;
      const std::size_t input = step.inputs[static_cast<std::size_t>(in_place)];
      const std::size_t output = step.outputs[0];
      if (!computed(input)) continue;
      const std::size_t source = storage_of(root_[input]);
      if (storages_[source].result != no_index || storages_[source].bytes != storages_[output].bytes)
        continue;
      if (read_besides(i, input, source)) continue;
      Storage& kept = storages_[output];
      kept.first_wave = storages_[source].first_wave;
      storages_[source].merged_into = output;
    }
  }

  /// Whether anything but `input` of this step reads the storage in this step's wave or later.
  bool read_besides(std::size_t step, std::size_t input, std::size_t source) const {
    const int wave = plan_.steps[step].wave;
    if (storages_[source].last_wave > wave) return true;
    const auto reads = [&](std::size_t other) {
      return std::any_of(
          plan_.steps[other].inputs.begin(), plan_.steps[other].inputs.end(), [&](std::size_t read) {
            return !(other == step && read == input) && computed(read) && storage_of(root_[read]) == source;
          });
    };
    for (std::size_t other = step + 1; other-- > 0 && plan_.steps[other].wave == wave;) {
      if (reads(other)) return true;
    }
    for (std::size_t other = step + 1; other < plan_.steps.size() && plan_.steps[other].wave == wave;
         ++other) {
      if (reads(other)) return true;
    }
    return false;
  }

  std::size_t storage_of(std::size_t value) const {
    while (storages_[value].merged_into != no_index) value = storages_[value].merged_into;
    return value;
  }

  void place_memory() {
    std::vector<MemoryBlock> blocks;
    std::vector<std::size_t*> offsets;
    offsets_.assign(storages_.size(), 0);
    for (std::size_t value = 0; value < storages_.size(); ++value) {
      const Storage& storage = storages_[value];
      if (producer_[value] < 0 || storage.merged_into != no_index || storage.result != no_index) continue;
      blocks.push_back({.bytes = storage.bytes, .first = storage.first_wave, .last = storage.last_wave});
      offsets.push_back(&offsets_[value]);
    }
    for (PlannedStep& step : plan_.steps) {
      const auto add = [&](std::size_t bytes, std::size_t& offset) {
        if (bytes == 0) return;
        blocks.push_back({.bytes = bytes, .first = step.wave, .last = step.wave});
        offsets.push_back(&offset);
      };
      add(step.kernel->workspace_bytes(), step.workspace_offset);
      if (step.pack_source == PackSource::run) add(step.packed_input->bytes, step.packed_offset);
    }
    plan_.arena_bytes = plan_memory(blocks);
    for (std::size_t i = 0; i < blocks.size(); ++i) *offsets[i] = blocks[i].offset;
  }

  void place_values() {
    plan_.values.resize(graph_.values.size());
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const GraphValue& root = graph_.values[root_[i]];
      PlannedValue& value = plan_.values[i];
      value.spec = graph_.values[i].spec;
      value.index = root.index;
      switch (root.source) {
        case ValueSource::feed:
          value.place = Place::feed;
          break;
        case ValueSource::constant:
          value.place = Place::constant;
          break;
        case ValueSource::variable:
          value.place = Place::variable;
          break;
        case ValueSource::computed: {
          const std::size_t storage = storage_of(root_[i]);
          value.place = storages_[storage].result == no_index ? Place::arena : Place::result;
          value.index = storages_[storage].result;
          value.offset = offsets_[storage];
          break;
        }
      }
    }
  }

  void make_waves() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const PlannedStep& step = plan_.steps[i];
      if (i == 0 || plan_.steps[i - 1].wave != step.wave)
        plan_.waves.push_back({.first_step = i, .end_step = i});
      PlannedWave& wave = plan_.waves.back();
      wave.end_step = i + 1;
      wave.num_stages = std::max(wave.num_stages, step.num_stages);
      wave.cost_nanoseconds += step.kernel->cost_nanoseconds();
    }
  }

  const PlanGraph& graph_;
  const std::vector<std::optional<std::size_t>>& fetched_;
  ExecutionPlan& plan_;
  std::vector<std::size_t> root_;     // of each value: the value whose memory it views, often itself
  std::vector<int> producer_;         // of each value: the step that writes it, or -1
  std::vector<Storage> storages_;     // of each root
  std::vector<std::size_t> offsets_;  // of each root that is in the arena
  std::unordered_map<const OperationNode*, std::size_t> rows_of_step_;  // of steps that change some rows
};

void require_strict_accuracy(PlanGraph& graph) {
  for (GraphOperation& operation : graph.operations) {
    std::shared_ptr<const OpDefinition> strict = operation.definition->with_strict_accuracy();
    if (strict != nullptr) operation.definition = std::move(strict);
  }
}

}  // namespace

std::shared_ptr<const ExecutionPlan> compile_plan(const PlanRequest& request, Accuracy accuracy) {
  auto plan = std::make_shared<ExecutionPlan>();
  plan->hash = hash_of(request);
  plan->feeds.assign(request.feeds.begin(), request.feeds.end());
  for (const Array& value : request.feed_values) plan->feed_specs.push_back({value.dtype(), value.shape()});
  for (const Fetch& fetch : request.fetches) {
    plan->fetched_tensors.push_back(fetch.tensor());
    plan->fetched_operations.push_back(fetch.op());
  }

  OperationCollector collector(request);
  if (accuracy == Accuracy::strict) require_strict_accuracy(collector.graph());
  fold_constants(collector.graph());
  fuse_epilogues(collector.graph());
  plan->variables = collector.variables();
  plan->assigned_initials = collector.assigned_initials();
  plan->assigned = collector.assigned();
  plan->fetches = collector.fetched();
  plan->stateful = collector.stateful();
  PlanLowering(collector.graph(), collector.fetched(), *plan).run();
  plan->constants = std::move(collector.graph().constants);
  return plan;
}

}  // namespace varscope::detail
