// SPDX-License-Identifier: Apache-2.0
// L1 and L2 regularizers, with the operations that TensorFlow 1.x's contrib.layers makes and their names.
#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/regularizer.hpp>
#include <varscope/variable.hpp>
#include <varscope/variable_scope.hpp>

#include <cmath>

namespace varscope {

namespace {

using Norm = Tensor (*)(const Tensor&);

/// scale * norm(v), all of it below a name scope that the product is called.
Regularizer scaled(const char* name, double scale, Norm norm) {
  if (!std::isfinite(scale) || scale < 0) {
    throw ValueError(std::string(name) + ": the scale must be finite and not negative, not " +
                     std::to_string(scale));
  }
  if (scale == 0) return no_regularizer();
  return [name, scale, norm](const Variable& variable) {
    const SourceLocation& where = variable.where();
    if (!is_floating(variable.dtype())) {
      throw TypeError(std::string(name) + ": variable '" + variable.name() + "' (made at " +
                      to_string(where) + ") is " + std::string(dtype_name(variable.dtype())) +
                      ", but only float32 and float64 can be regularized; give it no_regularizer()");
    }
    const NameScopeGuard inside = name_scope(name);
    const Tensor factor = constant(scale, {.dtype = variable.dtype(), .name = "scale"}, where);
    return multiply(factor, norm(variable.value()), inside.name(), where);
  };
}

}  // namespace

Regularizer l2_regularizer(double scale) {
  return scaled("l2_regularizer", scale, [](const Tensor& value) { return l2_loss(value); });
}

Regularizer l1_regularizer(double scale) {
  return scaled("l1_regularizer", scale, [](const Tensor& value) { return reduce_sum(abs(value)); });
}

Regularizer no_regularizer() {
  static const Regularizer none = [](const Variable&) { return Tensor(); };
  return none;
}

}  // namespace varscope
