// SPDX-License-Identifier: Apache-2.0
// Regularizers: a loss for each variable of a scope. Names and formulas: TensorFlow 1.x's
// contrib.layers.regularizers.
#pragma once

#include <varscope/export.hpp>
#include <varscope/shared_function.hpp>
#include <varscope/tensor.hpp>

namespace varscope {

class Variable;

/// Called once with each variable that get_variable() makes, never with one that it finds; operations that it
/// adds are named below "<variable>/Regularizer/". The tensor it returns goes into the collection
/// "regularization_losses"; an empty Tensor adds nothing (SEMANTICS O). If it throws, get_variable() throws
/// the same, and the variable exists.
class Regularizer : public SharedFunction<Tensor(const Variable&)> {
 public:
  using SharedFunction::SharedFunction;
};

/// scale * sum(v^2) / 2 ("l2_regularizer"). Throws ValueError unless scale is finite and not negative. A
/// scale of 0 gives no_regularizer().
VARSCOPE_API Regularizer l2_regularizer(double scale);
/// scale * sum(|v|) ("l1_regularizer"). Throws as l2_regularizer().
VARSCOPE_API Regularizer l1_regularizer(double scale);
/// Adds nothing: switches an inherited regularizer off.
VARSCOPE_API Regularizer no_regularizer();

}  // namespace varscope
