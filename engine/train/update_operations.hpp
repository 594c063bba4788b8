// SPDX-License-Identifier: Apache-2.0
// The operations that optimizers and moving averages change variables with: ApplyMomentum, ApplyAdam, and so
// on. Each sets a variable and its slots in one pass over their memory.
#pragma once

#include <varscope/simd/optimizers.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/variable.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// What an input behind the variables is: the gradient, of the variable's shape, or a scalar.
enum class UpdateInput {
  gradient,
  learning_rate,
  momentum,
  decay,
  decay_2,
  epsilon,
  decay_power,  // of Adam, whose learning rate is corrected with the powers of its decays
  decay_2_power,
};

struct NamedUpdateInput {
  std::string_view name;
  UpdateInput kind;
};

/// One such operation: a constant of the program.
struct UpdateRule {
  std::string_view type;         // TensorFlow's; the default name too
  std::string_view sparse_type;  // of some rows; empty where there is no such update
  int num_slots;
  std::span<const NamedUpdateInput> inputs;  // behind the variables
  simd::OptimizerFunction<float> simd::OptimizerFunctions<float>::*vectorized;
  simd::OptimizerFunction<double> simd::OptimizerFunctions<double>::*plain;
  double nanoseconds_per_element;  // in float32
};

extern const UpdateRule kApplyGradientDescent;   // alpha, delta
extern const UpdateRule kApplyMomentum;          // accum; lr, grad, momentum
extern const UpdateRule kApplyNesterovMomentum;  // the same
extern const UpdateRule kApplyAdagrad;           // accum; lr, grad
extern const UpdateRule kApplyRMSProp;           // ms, mom; lr, rho, momentum, epsilon, grad
extern const UpdateRule kApplyCenteredRMSProp;   // mg, ms, mom; lr, rho, momentum, epsilon, grad
extern const UpdateRule kApplyAdam;  // m, v; beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad
extern const UpdateRule kAssignMovingAverage;  // value, decay

/// Adds the operation to the default graph: `inputs` are those behind the variables, in the order of the
/// rule. Output 0 is the variable's new value, those behind it the slots'. The variable and its slots are
/// read as assignments before it in the run have made them. Throws TypeError unless all have the variable's
/// dtype, which must be float32 or float64, ValueError unless the gradient fits the variable's shape and
/// everything else is a scalar.
///
/// With `rows`, of a rule that has a sparse type, it is an update of these rows of the variable and its slots
/// alone: the gradient among the inputs is that of these rows, one behind the other. They are int64,
/// ascending and different; from the first -1 on they count for nothing.
Operation add_update(const UpdateRule& rule, const Variable& variable, const std::vector<Variable>& slots,
                     const std::vector<Tensor>& inputs, const SourceLocation& where, const Tensor& rows = {});

/// The same for kAssignMovingAverage, whose value is that of a variable as assignments before it in the run
/// have made it.
Operation add_moving_average_of(const Variable& average, const Variable& value, const Tensor& decay,
                                const SourceLocation& where);

}  // namespace varscope::detail
