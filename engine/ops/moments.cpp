// SPDX-License-Identifier: Apache-2.0
// Mean and variance, and normalization by them, made of other operations below a name scope, as TensorFlow
// makes them.
#include "graph/operation_builder.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/variable_scope.hpp>

#include <string>

namespace varscope {

namespace {

void require_floating(const TensorLike& x, const char* operation, const SourceLocation& where) {
  const detail::TensorSpec given = detail::spec_of(x);
  if (is_floating(given.dtype)) return;
  throw TypeError("operation '" + std::string(operation) + "' at " + to_string(where) + ": 'x' is " +
                  detail::to_string(given) + ", but must be float32 or float64; convert it with cast()");
}

}  // namespace

Moments moments(const TensorLike& x, const Axes& axes, MomentsOptions options, SourceLocation where) {
  require_floating(x, "moments", where);
  const NameScopeGuard inside = name_scope(options.name.empty() ? "moments" : options.name, {}, where);
  const Tensor mean = reduce_mean(x, {.axis = axes, .keepdims = true, .name = "mean"}, where);
  // Seen as a constant: the variance has no slope there.
  const Tensor distances = subtract(x, stop_gradient(mean, {}, where), {}, where);
  const Tensor variance =
      reduce_mean(square(distances, "SquaredDifference", where),
                  {.axis = axes, .keepdims = options.keepdims, .name = "variance"}, where);
  if (options.keepdims) return {mean, variance};
  // Its reduced dimensions have one element each: a view.
  return {reduce_sum(mean, {.axis = axes, .name = "Squeeze"}, where), variance};
}

Tensor batch_normalization(const TensorLike& x, const TensorLike& mean, const TensorLike& variance,
                           const std::optional<TensorLike>& offset, const std::optional<TensorLike>& scale,
                           double variance_epsilon, std::string_view name, SourceLocation where) {
  require_floating(x, "batchnorm", where);
  const NameScopeGuard inside = name_scope(name.empty() ? "batchnorm" : name, {}, where);
  const DType dtype = detail::spec_of(x).dtype;
  const Tensor epsilon = constant(variance_epsilon, {.dtype = dtype, .name = "epsilon"}, where);
  const Tensor deviation = sqrt(add(variance, epsilon, "add", where), {}, where);
  const Tensor factor = scale ? divide(*scale, deviation, {}, where)
                              : divide(constant(1.0, {.dtype = dtype}, where), deviation, {}, where);
  const Tensor scaled = multiply(x, factor, "mul", where);
  const Tensor of_mean = multiply(mean, factor, "mul", where);
  const Tensor rest = offset ? subtract(*offset, of_mean, "sub", where) : negative(of_mean, {}, where);
  return add(scaled, rest, "add", where);
}

}  // namespace varscope
