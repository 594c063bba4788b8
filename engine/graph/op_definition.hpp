// SPDX-License-Identifier: Apache-2.0
// OpDefinition: what one operation is: its type, attributes, shape rule and kernel. Each family of operations
// derives its own in ops/; the graph and the runtime know only this interface.
#pragma once

#include "runtime/kernel.hpp"

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>
#include <varscope/shape.hpp>
#include <varscope/tensor.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace varscope::detail {

class VariableRecord;

/// dtype and (partly known) shape of an input or output.
struct TensorSpec {
  DType dtype = DType::float32;
  Shape shape = Shape::unknown();
  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

/// What the runtime does with an operation.
enum class OpRole {
  compute,         // runs a kernel
  placeholder,     // its value is fed
  constant,        // its value is constant_value()
  variable_read,   // its value is that of variable()
  variable,        // stands for variable() itself: names it, is not computed
  initial_value,   // names the initializer of variable(), is not computed
  assign_initial,  // sets variable() to its initial value when it is fetched
  assign,          // sets variable(), its input 0, to its input 1, which it yields
  assign_update,  // runs a kernel on current values of variables(), and sets the first of them to its outputs
  no_op,          // runs its control inputs only
};

/// What fusion may do with an operation.
enum class FusionRole {
  none,
  bias_add,  // input 1 is a vector over the last dimension of input 0
  add,       // the sum of its two inputs; a bias or a residual where the shapes say so
  relu,
  sigmoid,
  tanh,
  max_pool,  // the largest of each 2x2 block, of sizes that are even
};

enum class FusedActivation { none, relu, sigmoid, tanh };

/// What is applied to the result of a convolution or matrix product while it is written:
/// activation(result + bias + residual). Bias and residual become further inputs, in that order.
struct FusedEpilogue {
  bool bias = false;
  bool residual = false;
  FusedActivation activation = FusedActivation::none;
};

class OpDefinition;

/// What is left of an operation when the shapes of its inputs are known: an operation on the first of them.
struct ShapedOperation {
  std::shared_ptr<const OpDefinition> definition;
  std::size_t inputs = 0;
};

class OpDefinition {
 public:
  virtual ~OpDefinition() = default;

  /// TensorFlow's name of the type: "Conv2D".
  virtual std::string_view type() const noexcept = 0;

  /// dtypes and shapes of the outputs from those of the inputs, which may be partly known; called with fully
  /// known ones when a plan is made, and then must give fully known ones. Throws ValueError or TypeError that
  /// says which input, what it is and what it must be; the caller adds the operation's name and line.
  virtual std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const = 0;

  /// The kernel for fully known inputs and outputs, or nullptr: output 0 is the memory of input 0 under
  /// another shape. Called for OpRole::compute and assign_update
  /// only. Throws UnimplementedError, naming the dtype, where there
  /// is no kernel.
  virtual std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const = 0;

  /// For operations that use their last inputs for the shapes alone: the same without them, for these fully
  /// known ones. The runtime then computes and keeps nothing for their sake. Else nullopt.
  virtual std::optional<ShapedOperation> with_known_shapes(std::span<const TensorSpec> /*inputs*/) const {
    return std::nullopt;
  }

  virtual OpRole role() const noexcept { return OpRole::compute; }

  /// Whether two runs with equal inputs may differ (random numbers): never folded into a constant.
  virtual bool stateful() const noexcept { return false; }

  virtual const Array* constant_value() const noexcept { return nullptr; }
  virtual const VariableRecord* variable() const noexcept { return nullptr; }
  /// Of assign_update: the variables that the first inputs are. The kernel gets their values as the
  /// assignments before it in the run have made them, and output i becomes the value of variable i: all of
  /// them are set by one operation, from one pass over the memory. Not fewer than outputs.
  virtual std::span<const VariableRecord* const> variables() const noexcept { return {}; }

  /// Of assign_update: the input, int64 [n], that says in which rows the outputs differ from the variables:
  /// ascending, then -1. -1 if they may in all. The kernel is then told which rows of an output's memory hold
  /// the variable's value already, so that its cost is by these rows and not by all.
  virtual int changed_rows_input() const noexcept { return -1; }

  virtual FusionRole fusion_role() const noexcept { return FusionRole::none; }
  /// This operation with the epilogue fused into it (inputs: its own, then bias, then residual as the
  /// epilogue has them), or nullptr if it cannot.
  virtual std::shared_ptr<const OpDefinition> with_epilogue(const FusedEpilogue&) const { return nullptr; }
  /// This operation, which may have an epilogue, with the max pooling that FusionRole names after it, for
  /// such fully known inputs; or nullptr if it cannot, or would not be faster.
  virtual std::shared_ptr<const OpDefinition> with_max_pool(std::span<const TensorSpec> /*inputs*/) const {
    return nullptr;
  }

  /// This operation with Accuracy::strict, or nullptr if that changes nothing.
  virtual std::shared_ptr<const OpDefinition> with_strict_accuracy() const { return nullptr; }

  /// Adds to the graph what gives the gradient with regard to each input of `operation`, which is of this
  /// definition, from the gradients with regard to each of its outputs: vector times Jacobian. An empty
  /// handle among `output_gradients` is a gradient of zero (not all are empty); one in the result says that
  /// nothing flows to that input, as to indices. nullopt: the operation has no rule, which is an error where
  /// a gradient would have to pass through it. Called inside a name scope of the operation's own.
  virtual std::optional<std::vector<Tensor>> build_gradients(
      const Operation& /*operation*/, std::span<const Tensor> /*output_gradients*/) const {
    return std::nullopt;
  }
};

}  // namespace varscope::detail
