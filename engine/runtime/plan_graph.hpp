// SPDX-License-Identifier: Apache-2.0
// PlanGraph: the operations that a run needs, while they are being made into a plan. Passes rewrite it; then
// it becomes an ExecutionPlan.
#pragma once

#include "graph/op_definition.hpp"
#include "graph/operation_node.hpp"

#include <varscope/array.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

namespace varscope::detail {

inline constexpr std::size_t no_index = std::numeric_limits<std::size_t>::max();

enum class ValueSource { feed, constant, variable, computed };

struct GraphValue {
  TensorSpec spec;
  ValueSource source = ValueSource::computed;
  std::size_t index = no_index;  // of the feed, constant or variable
  std::size_t uses = 0;          // by operations
  bool fetched = false;
};

struct GraphOperation {
  const OperationNode* node = nullptr;
  std::shared_ptr<const OpDefinition> definition;
  std::vector<std::size_t> inputs;   // values
  std::vector<std::size_t> outputs;  // values
  bool removed = false;              // folded or fused away
  bool fused = false;                // has an epilogue already
};

/// Operations are in an order in which every value is made before it is used.
struct PlanGraph {
  std::vector<GraphValue> values;
  std::vector<GraphOperation> operations;
  std::vector<Array> constants;

  std::vector<TensorSpec> specs_of(const std::vector<std::size_t>& indices) const {
    std::vector<TensorSpec> specs;
    specs.reserve(indices.size());
    for (std::size_t index : indices) specs.push_back(values[index].spec);
    return specs;
  }
};

/// Computes every operation whose inputs are all constant and that gives the same result in every run, and
/// makes its outputs constants (those up to 64 MiB, so that a small graph does not become a large plan).
void fold_constants(PlanGraph& graph);

/// Makes convolution (or matrix product) + bias + residual + activation one operation, where nothing else
/// uses the values in between: activation(result + bias + residual), added in that order, so the bits stay
/// the same; and the max pooling that follows, where that pays.
void fuse_epilogues(PlanGraph& graph);

}  // namespace varscope::detail
