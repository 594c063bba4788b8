// SPDX-License-Identifier: Apache-2.0
// Half the sum of squares, made of other operations below a name scope; the last one has the scope's name, as
// TensorFlow's single operation would.
#include "ops/shape_rules.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/variable_scope.hpp>

namespace varscope {

Tensor l2_loss(const TensorLike& t, std::string_view name, SourceLocation where) {
  const NameScopeGuard inside = name_scope(name.empty() ? "L2Loss" : name, {}, where);
  const Tensor squares = square(t, {}, where);
  detail::require_floating({squares.dtype(), squares.shape()}, "t");
  const Tensor half = constant(0.5, {.dtype = squares.dtype(), .name = "half"}, where);
  return multiply(reduce_sum(squares, {}, where), half, inside.name(), where);
}

}  // namespace varscope
