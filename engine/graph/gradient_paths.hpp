// SPDX-License-Identifier: Apache-2.0
// GradientPaths: what lies between xs and ys: the operations that gradients have to pass through.
#pragma once

#include "graph/operation_node.hpp"

#include <varscope/tensor.hpp>

#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace varscope::detail {

/// A constant once made; takes time linear in the number of operations that `ys` depend on.
class GradientPaths {
 public:
  /// Nothing flows through the tensors of `stops`.
  GradientPaths(const std::vector<Tensor>& ys, const std::vector<Tensor>& xs,
                const std::vector<Tensor>& stops);

  /// Whether the tensor is one of `xs` or depends on one of them: whether its gradient is wanted.
  bool wanted(const Tensor& tensor) const;
  /// Whether the tensor is one of `stops`.
  bool stopped(const Tensor& tensor) const { return stops_.contains(tensor); }
  /// Whether the gradients of the operation's inputs are wanted and some y depends on it through them.
  bool passes(const OperationNode& node) const;
  /// How many gradients the outputs of the operation get from those that use them.
  std::size_t uses(const OperationNode& node) const;

 private:
  struct Passage {
    bool reached = false;  // depends on one of xs
    bool passes = false;
    std::size_t uses = 0;
  };

  void find_reached(const std::vector<Tensor>& ys);
  void count_uses(const std::vector<Tensor>& ys);

  const std::unordered_set<Tensor> xs_;
  const std::unordered_set<Tensor> stops_;
  std::unordered_map<const OperationNode*, Passage> passages_;
};

}  // namespace varscope::detail
