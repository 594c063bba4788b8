// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan_graph.hpp"

#include <optional>

namespace varscope::detail {

namespace {

/// One operation's result on its way through the operations that use it, as far as they can be fused.
class EpilogueFusion {
 public:
  EpilogueFusion(PlanGraph& graph, std::vector<std::size_t>& consumers, std::size_t producer)
      : graph_(graph),
        consumers_(consumers),
        producer_(producer),
        last_(producer),
        result_(graph.operations[producer].outputs.front()) {}

  void run() {
    while (absorb_next()) {
    }
    if (last_ == producer_) return;
    GraphOperation& producer = graph_.operations[producer_];
    GraphOperation& last = graph_.operations[last_];
    // The fused operation stands where the last one stood: all its inputs are made before that.
    last.inputs = producer.inputs;
    if (epilogue_.bias) last.inputs.push_back(bias_);
    if (epilogue_.residual) last.inputs.push_back(residual_);
    last.definition = fused_;
    last.fused = true;
    last.node = producer.node;  // what messages and profiles name: the work is there
    for (std::size_t absorbed : absorbed_) {
      if (absorbed != last_) graph_.operations[absorbed].removed = true;
    }
    producer.removed = true;
    for (std::size_t input : last.inputs) consumers_[input] = last_;
  }

 private:
  bool absorb_next() {
    const GraphValue& value = graph_.values[result_];
    if (value.uses != 1 || value.fetched || pooled_) return false;
    const std::size_t next = consumers_[result_];
    const GraphOperation& consumer = graph_.operations[next];
    if (consumer.definition->fusion_role() == FusionRole::max_pool) return absorb_max_pool(next);
    if (epilogue_.activation != FusedActivation::none) return false;
    FusedEpilogue wanted = epilogue_;
    std::size_t bias = bias_;
    std::size_t residual = residual_;
    switch (consumer.definition->fusion_role()) {
      case FusionRole::none:
      case FusionRole::max_pool:
        return false;
      case FusionRole::relu:
        wanted.activation = FusedActivation::relu;
        break;
      case FusionRole::sigmoid:
        wanted.activation = FusedActivation::sigmoid;
        break;
      case FusionRole::tanh:
        wanted.activation = FusedActivation::tanh;
        break;
      case FusionRole::bias_add:
      case FusionRole::add: {
        const bool is_first = consumer.inputs[0] == result_;
        if (consumer.definition->fusion_role() == FusionRole::bias_add && !is_first) return false;
        const std::size_t other = consumer.inputs[is_first ? 1 : 0];
        if (is_bias(other) && !wanted.bias && !wanted.residual) {
          wanted.bias = true;
          bias = other;
        } else if (graph_.values[other].spec == value.spec && !wanted.residual) {
          wanted.residual = true;
          residual = other;
        } else {
          return false;
        }
        break;
      }
    }
    if (graph_.values[consumer.outputs.front()].spec != value.spec) return false;
    std::shared_ptr<const OpDefinition> fused =
        graph_.operations[producer_].definition->with_epilogue(wanted);
    if (fused == nullptr) return false;
    epilogue_ = wanted;
    bias_ = bias;
    residual_ = residual;
    absorb(next, std::move(fused));
    return true;
  }

  bool absorb_max_pool(std::size_t next) {
    const GraphOperation& producer = graph_.operations[producer_];
    const OpDefinition& unpooled = fused_ != nullptr ? *fused_ : *producer.definition;
    std::shared_ptr<const OpDefinition> fused = unpooled.with_max_pool(graph_.specs_of(producer.inputs));
    if (fused == nullptr) return false;
    pooled_ = true;
    absorb(next, std::move(fused));
    return true;
  }

  void absorb(std::size_t next, std::shared_ptr<const OpDefinition> fused) {
    fused_ = std::move(fused);
    absorbed_.push_back(next);
    last_ = next;
    result_ = graph_.operations[next].outputs.front();
  }

  /// A vector over the last dimension of the result, alone or behind dimensions of 1.
  bool is_bias(std::size_t other) const {
    const Shape& shape = graph_.values[other].spec.shape;
    const Shape& result = graph_.values[result_].spec.shape;
    if (shape.rank() < 1 || shape.rank() > result.rank() || result.rank() < 2) return false;
    for (int axis = 0; axis + 1 < shape.rank(); ++axis) {
      if (shape[axis] != 1) return false;
    }
    return shape[shape.rank() - 1] == result[result.rank() - 1];
  }

  PlanGraph& graph_;
  std::vector<std::size_t>& consumers_;
  std::size_t producer_;
  std::size_t last_;
  std::size_t result_;
  std::vector<std::size_t> absorbed_;
  FusedEpilogue epilogue_;
  bool pooled_ = false;
  std::size_t bias_ = no_index;
  std::size_t residual_ = no_index;
  std::shared_ptr<const OpDefinition> fused_;
};

}  // namespace

void fuse_epilogues(PlanGraph& graph) {
  std::vector<std::size_t> consumers(graph.values.size(),
                                     no_index);  // the last operation that uses each value
  for (std::size_t i = 0; i < graph.operations.size(); ++i) {
    if (graph.operations[i].removed) continue;
    for (std::size_t input : graph.operations[i].inputs) consumers[input] = i;
  }
  for (std::size_t i = 0; i < graph.operations.size(); ++i) {
    const GraphOperation& operation = graph.operations[i];
    if (operation.removed || operation.fused || operation.outputs.size() != 1) continue;
    if (graph.values[operation.outputs.front()].spec.dtype != DType::float32) continue;
    EpilogueFusion(graph, consumers, i).run();
  }
}

}  // namespace varscope::detail
