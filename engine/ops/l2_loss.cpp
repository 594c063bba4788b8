// SPDX-License-Identifier: Apache-2.0
// Half the sum of squares, made of other operations below a name scope; the last one has the scope's name, as
// TensorFlow's single operation would.
#include "graph/operation_builder.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/variable_scope.hpp>

namespace varscope {

Tensor l2_loss(const TensorLike& t, std::string_view name, SourceLocation where) {
  const detail::TensorSpec given = detail::spec_of(t);
  if (!is_floating(given.dtype)) {
    throw TypeError("operation 'L2Loss' at " + to_string(where) + ": 't' is " + detail::to_string(given) +
                    ", but must be float32 or float64; convert it with cast()");
  }
  const NameScopeGuard inside = name_scope(name.empty() ? "L2Loss" : name, {}, where);
  const Tensor squares = square(t, {}, where);
  const Tensor half = constant(0.5, {.dtype = squares.dtype(), .name = "half"}, where);
  return multiply(reduce_sum(squares, {}, where), half, inside.name(), where);
}

}  // namespace varscope
