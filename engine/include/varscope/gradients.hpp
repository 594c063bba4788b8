// SPDX-License-Identifier: Apache-2.0
// gradients(): derivatives, as operations of the graph. See docs/gradients.md for the rule of each operation.
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_list.hpp>

#include <string>
#include <vector>

namespace varscope {

struct GradientsOptions {
  /// The gradients with regard to each of `ys`, of its dtype and shape; an empty Tensor stands for ones. An
  /// empty list: ones for all of them.
  std::vector<Tensor> grad_ys = {};
  /// Tensors that count as constants: nothing flows through them (but their own gradient can be asked for).
  std::vector<Tensor> stop_gradients = {};
  std::string name = "gradients";  // of the name scope, below the current one
};

/// For each of `xs` the sum over all `ys` of the gradient of y with regard to x, weighted by grad_ys
/// (tf.gradients): of x's dtype and shape, or an empty Tensor (Python's None) if no y depends on x. A
/// variable means its value; of a partitioned one, ask for its partitions().
///
/// Adds, by reverse accumulation, operations for what lies between `xs` and `ys` only, in time linear in
/// their number and without recursion. Names are TensorFlow's: "gradients/conv1/Relu_grad/ReluGrad" for the
/// gradients of the inputs of "conv1/Relu", and "gradients/AddN" where a tensor is used several times. They
/// run in the same runs as everything else, and have gradients themselves where a rule is given for them.
///
/// Throws ValueError for no `ys`, numbers and arrays instead of tensors, tensors of different graphs, and
/// grad_ys whose number or shapes do not fit; TypeError for a y that is not float32 or float64, or a grad_y
/// of another dtype; UnimplementedError if an operation between an x and a y has no rule (TensorFlow's
/// LookupError), with its type, its line and that of this call; RuntimeError if the graph is finalized. A
/// call that throws may leave operations behind that nobody uses. Safe from any thread at any time.
VARSCOPE_API std::vector<Tensor> gradients(const TensorList& ys, const TensorList& xs,
                                           GradientsOptions options = {},
                                           SourceLocation where = SourceLocation::current());

}  // namespace varscope
