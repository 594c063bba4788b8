// SPDX-License-Identifier: Apache-2.0
// Learning rates that follow the global step (TensorFlow's tf.train.exponential_decay and its kin): scalar
// tensors, for an optimizer's learning rate or any other number.
//
// Each is one operation, computed in double precision from what it is given and rounded once to the dtype of
// the learning rate. A run that makes a step sees the step count from before it. In all of them:
//
//   learning_rate  a number (which becomes a float32 constant), or a scalar tensor of float32 or float64
//   global_step    a scalar of any number's dtype: most often get_or_create_global_step()
//   decay_steps    likewise; positive
//   name           of the operation below the current name scope; empty: TensorFlow's default
//
// They throw TypeError for another dtype, ValueError for a shape that is no scalar's, tensors of different
// graphs or an invalid name, RuntimeError if the graph is finalized. Safe from any thread at any time.
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>

#include <string>
#include <vector>

namespace varscope {

struct DecayOptions {
  bool staircase = false;  // the exponent in whole numbers only
  std::string name = {};
};

/// learning_rate * decay_rate ^ (global_step / decay_steps) ("ExponentialDecay").
VARSCOPE_API Tensor exponential_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                                      const TensorLike& decay_steps, const TensorLike& decay_rate,
                                      DecayOptions options = {},
                                      SourceLocation where = SourceLocation::current());

/// learning_rate * exp(-decay_rate * global_step / decay_steps) ("NaturalExpDecay").
VARSCOPE_API Tensor natural_exp_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                                      const TensorLike& decay_steps, const TensorLike& decay_rate,
                                      DecayOptions options = {},
                                      SourceLocation where = SourceLocation::current());

/// learning_rate / (1 + decay_rate * global_step / decay_steps) ("InverseTimeDecay").
VARSCOPE_API Tensor inverse_time_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                                       const TensorLike& decay_steps, const TensorLike& decay_rate,
                                       DecayOptions options = {},
                                       SourceLocation where = SourceLocation::current());

struct PolynomialDecayOptions {
  double end_learning_rate = 0.0001;
  double power = 1.0;
  /// Beyond decay_steps: false stays at the end, true starts again over twice, three times, ... the steps.
  bool cycle = false;
  std::string name = {};
};

/// (learning_rate - end) * (1 - min(global_step, decay_steps) / decay_steps) ^ power + end
/// ("PolynomialDecay"). With `cycle`, decay_steps is first multiplied by ceil(global_step / decay_steps), at
/// least by 1.
VARSCOPE_API Tensor polynomial_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                                     const TensorLike& decay_steps, PolynomialDecayOptions options = {},
                                     SourceLocation where = SourceLocation::current());

struct CosineDecayOptions {
  double alpha = 0.0;  // the fraction of the learning rate that is left at the end
  std::string name = {};
};

/// learning_rate * ((1 - alpha) * (1 + cos(pi * min(global_step, decay_steps) / decay_steps)) / 2 + alpha)
/// ("CosineDecay").
VARSCOPE_API Tensor cosine_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                                 const TensorLike& decay_steps, CosineDecayOptions options = {},
                                 SourceLocation where = SourceLocation::current());

/// values[i] for boundaries[i - 1] < global_step <= boundaries[i], the first up to boundaries[0] and the last
/// beyond the last boundary ("PiecewiseConstant"): float32. Throws ValueError unless the boundaries rise and
/// there is one value more than boundaries.
VARSCOPE_API Tensor piecewise_constant(const TensorLike& global_step, std::vector<double> boundaries,
                                       std::vector<double> values, std::string_view name = {},
                                       SourceLocation where = SourceLocation::current());

}  // namespace varscope
