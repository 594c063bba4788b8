// SPDX-License-Identifier: Apache-2.0
#include "graph/gradient_paths.hpp"

namespace varscope::detail {

GradientPaths::GradientPaths(const std::vector<Tensor>& ys, const std::vector<Tensor>& xs,
                             const std::vector<Tensor>& stops)
    : xs_(xs.begin(), xs.end()), stops_(stops.begin(), stops.end()) {
  find_reached(ys);
  count_uses(ys);
}

bool GradientPaths::wanted(const Tensor& tensor) const {
  if (!is_floating(tensor.dtype())) return false;
  if (xs_.contains(tensor)) return true;
  const auto passage = passages_.find(tensor.node());
  return passage != passages_.end() && passage->second.reached && !stopped(tensor);
}

bool GradientPaths::passes(const OperationNode& node) const {
  const auto passage = passages_.find(&node);
  return passage != passages_.end() && passage->second.passes;
}

std::size_t GradientPaths::uses(const OperationNode& node) const {
  const auto passage = passages_.find(&node);
  return passage == passages_.end() ? 0 : passage->second.uses;
}

/// Visits all that `ys` depend on, inputs first, without recursion: graphs can be deep.
void GradientPaths::find_reached(const std::vector<Tensor>& ys) {
  struct Pending {
    const OperationNode* node;
    bool inputs_visited;
  };
  std::vector<Pending> pending;
  for (const Tensor& y : ys) pending.push_back({y.node(), false});
  std::unordered_set<const OperationNode*> entered;
  while (!pending.empty()) {
    const auto [node, inputs_visited] = pending.back();
    pending.pop_back();
    if (!inputs_visited) {
      if (!entered.insert(node).second) continue;
      pending.push_back({node, true});
      for (const Tensor& input : node->inputs()) pending.push_back({input.node(), false});
      continue;
    }
    bool reached = false;
    for (const Tensor& input : node->inputs()) reached = reached || wanted(input);
    passages_[node].reached = reached;
  }
}

/// Walks from `ys` towards `xs` along the tensors whose gradients are wanted.
void GradientPaths::count_uses(const std::vector<Tensor>& ys) {
  std::vector<const OperationNode*> pending;
  const auto walk_through = [&](const Tensor& tensor) {
    Passage& passage = passages_.at(tensor.node());
    if (!passage.reached || passage.passes || stopped(tensor)) return;
    passage.passes = true;
    pending.push_back(tensor.node());
  };
  for (const Tensor& y : ys) walk_through(y);
  while (!pending.empty()) {
    const OperationNode* const node = pending.back();
    pending.pop_back();
    for (const Tensor& input : node->inputs()) {
      if (!wanted(input)) continue;
      ++passages_.at(input.node()).uses;
      walk_through(input);
    }
  }
}

}  // namespace varscope::detail
