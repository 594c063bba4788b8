// SPDX-License-Identifier: Apache-2.0
// ExponentialMovingAverage: averages of variables over the steps, often better for inference than the last
// values (TensorFlow's tf.train.ExponentialMovingAverage; SEMANTICS EM1 to EM5).
//
//   vs::ExponentialMovingAverage ema(0.9999, {.num_updates = global_step});
//   auto minimize = optimizer.minimize(loss, {.global_step = global_step});
//   vs::Operation train;
//   {
//     auto after = vs::control_dependencies({minimize});   // averages the values that the step has made
//     train = ema.apply();
//   }
//
// and, in the program that uses the averages instead of the variables:
//
//   vs::Saver(ema.variables_to_restore()).restore(session, "checkpoints");
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/variable.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace varscope {

namespace detail {
class SlotVariables;
}

struct MovingAverageOptions {
  /// n, a scalar of any number's dtype: the decay is min(decay, (1 + n) / (10 + n)), so that averages move
  /// fast at first. A run sees n from before it.
  std::optional<TensorLike> num_updates = std::nullopt;
  std::string name = "ExponentialMovingAverage";
};

/// One object may be used by one thread at a time, and for several graphs.
class VARSCOPE_API ExponentialMovingAverage {
 public:
  /// `decay` is a number or a floating scalar tensor; close to 1, as 0.999. Throws ValueError for an empty
  /// name.
  explicit ExponentialMovingAverage(const TensorLike& decay, MovingAverageOptions options = {});
  ExponentialMovingAverage(ExponentialMovingAverage&&) noexcept;
  ExponentialMovingAverage& operator=(ExponentialMovingAverage&&) noexcept;
  ~ExponentialMovingAverage();

  /// Adds the operation that moves the averages of these variables once:
  /// average -= (1 - decay) * (average - value). A value is what the assignments before it in the run have
  /// made of the variable (see the top of this page). Named "ExponentialMovingAverage"; the averages are
  /// variables "<variable>/ExponentialMovingAverage" that start with the variable's initial value, named as
  /// slots are (optimizer.hpp), and the averaged variables are added to "moving_average_variables". Throws
  /// ValueError if there are no variables, or one is not float32 or float64 or has an average already.
  Operation apply(const std::vector<Variable>& var_list, SourceLocation where = SourceLocation::current());
  /// Of all trainable variables of the default graph.
  Operation apply(SourceLocation where = SourceLocation::current());
  /// Of tensors, such as losses (TensorFlow's apply() takes them too):
  /// "<operation>/ExponentialMovingAverage", which start with 0. Throws ValueError as above, and for a shape
  /// that is not fully known.
  Operation apply_tensors(const std::vector<Tensor>& tensors,
                          SourceLocation where = SourceLocation::current());

  /// The variable that holds the average; refers to nothing before apply().
  Variable average(const Variable& variable) const;
  Variable average(const Tensor& tensor) const;

  /// The operation name of the average, which is its key in checkpoints: the one that it has, or would have
  /// if it was made now.
  std::string average_name(const Variable& variable) const;

  /// For a Saver that restores averages into the variables themselves: from the average's name to the
  /// variable, for those averaged and the trainable ones, and from their own names for all other global
  /// variables of the default graph. Parts of a partitioned variable stand for that.
  std::map<std::string, Variable> variables_to_restore() const;

 private:
  TensorLike decay_;
  MovingAverageOptions options_;
  std::unique_ptr<detail::SlotVariables> averages_;
};

/// The variables in "moving_average_variables" of the default graph: those that are averaged.
VARSCOPE_API std::vector<Variable> moving_average_variables();

}  // namespace varscope
