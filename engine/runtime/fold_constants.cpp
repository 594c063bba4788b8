// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan_graph.hpp"

#include <varscope/error.hpp>

namespace varscope::detail {

namespace {

constexpr std::size_t largest_folded_bytes = std::size_t{64} << 20U;

bool foldable(const PlanGraph& graph, const GraphOperation& operation) {
  if (operation.removed || operation.definition->role() != OpRole::compute) return false;
  if (operation.definition->stateful() || operation.inputs.empty()) return false;
  for (std::size_t input : operation.inputs) {
    if (graph.values[input].source != ValueSource::constant) return false;
  }
  for (std::size_t output : operation.outputs) {
    const TensorSpec& spec = graph.values[output].spec;
    if (static_cast<std::size_t>(spec.shape.num_elements()) * dtype_size(spec.dtype) > largest_folded_bytes)
      return false;
  }
  return true;
}

std::vector<Array> compute(const PlanGraph& graph, const GraphOperation& operation) {
  std::vector<Array> results;
  const std::unique_ptr<Kernel> kernel =
      operation.definition->make_kernel(graph.specs_of(operation.inputs), graph.specs_of(operation.outputs));
  if (kernel == nullptr) {
    const Array& input = graph.constants[graph.values[operation.inputs[0]].index];
    results.push_back(input.reshaped(graph.values[operation.outputs[0]].spec.shape));
    return results;
  }
  std::vector<const void*> inputs;
  for (std::size_t input : operation.inputs)
    inputs.push_back(graph.constants[graph.values[input].index].data());
  std::vector<void*> outputs;
  for (std::size_t output : operation.outputs) {
    const TensorSpec& spec = graph.values[output].spec;
    results.push_back(Array::uninitialized(spec.shape, spec.dtype));
    outputs.push_back(results.back().data());
  }
  const auto bytes = [](std::size_t count) {
    return Array::uninitialized(Shape{static_cast<std::int64_t>(count)}, DType::uint8);
  };
  Array workspace = bytes(kernel->workspace_bytes());
  KernelArguments arguments{
      .inputs = inputs.data(), .outputs = outputs.data(), .workspace = workspace.data()};
  Array packed;
  if (const std::optional<PackedInput> form = kernel->packed_input()) {
    packed = bytes(form->bytes);
    kernel->pack(inputs[static_cast<std::size_t>(form->input)], packed.data());
    arguments.packed = packed.data();
  }
  for (int stage = 0; stage < kernel->num_stages(); ++stage) {
    for (std::int64_t tile = 0; tile < kernel->num_tiles(stage); ++tile) {
      if (const char* wrong = kernel->run_tile(stage, tile, arguments)) {
        throw InvalidArgumentError("operation " + describe(*operation.node) +
                                   " cannot be computed: " + wrong);
      }
    }
  }
  return results;
}

}  // namespace

void fold_constants(PlanGraph& graph) {
  for (GraphOperation& operation : graph.operations) {
    if (!foldable(graph, operation)) continue;
    std::vector<Array> results = compute(graph, operation);
    for (std::size_t i = 0; i < operation.outputs.size(); ++i) {
      GraphValue& value = graph.values[operation.outputs[i]];
      value.source = ValueSource::constant;
      value.index = graph.constants.size();
      graph.constants.push_back(std::move(results[i]));
    }
    for (std::size_t input : operation.inputs) --graph.values[input].uses;
    operation.removed = true;
  }
}

}  // namespace varscope::detail
