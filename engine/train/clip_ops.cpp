// SPDX-License-Identifier: Apache-2.0
// Clipping, made of other operations below a name scope. The last one has the scope's name, as in TensorFlow.
#include "ops/indexed_slices.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/clip_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/variable_scope.hpp>

namespace varscope {

namespace {

NameScopeGuard scope_of(std::string_view name, std::string_view default_name, const SourceLocation& where) {
  return name_scope(name.empty() ? default_name : name, {}, where);
}

}  // namespace

Tensor clip_by_value(const TensorLike& t, const TensorLike& clip_value_min, const TensorLike& clip_value_max,
                     std::string_view name, SourceLocation where) {
  const NameScopeGuard inside = scope_of(name, "clip_by_value", where);
  const Tensor below = minimum(t, clip_value_max, {}, where);
  return maximum(below, clip_value_min, inside.name(), where);
}

Tensor clip_by_norm(const TensorLike& t, const TensorLike& clip_norm, std::string_view name,
                    SourceLocation where) {
  const NameScopeGuard inside = scope_of(name, "clip_by_norm", where);
  const Tensor norm = sqrt(reduce_sum(multiply(t, t, "mul", where), {}, where), {}, where);
  const Tensor scaled = multiply(t, clip_norm, "mul", where);
  const Tensor clipped = divide(scaled, maximum(norm, clip_norm, {}, where), {}, where);
  return identity(clipped, inside.name(), where);
}

Tensor global_norm(const std::vector<Tensor>& t_list, std::string_view name, SourceLocation where) {
  const NameScopeGuard inside = scope_of(name, "global_norm", where);
  std::vector<TensorLike> halves;  // of the squares of each tensor's norm, as vectors of one element
  for (const Tensor& tensor : t_list) {
    if (!tensor) continue;
    // Of lookups TensorFlow takes the norm of the rows as they are, not that of the sums of equal ones.
    const std::optional<detail::IndexedSlices> slices = detail::indexed_slices_of(tensor, where);
    halves.emplace_back(reshape(l2_loss(slices ? slices->values : tensor, {}, where), Shape{1}, {}, where),
                        where);
  }
  if (halves.empty()) {
    throw ValueError("global_norm() at " + to_string(where) + ": there is no tensor, or all are empty");
  }
  const Tensor half = reduce_sum(concat(halves, 0, "stack", where), {}, where);
  return sqrt(multiply(half, 2.0, "mul", where), "global_norm", where);
}

ClippedByGlobalNorm clip_by_global_norm(const std::vector<Tensor>& t_list, const TensorLike& clip_norm,
                                        const Tensor& use_norm, std::string_view name, SourceLocation where) {
  const Tensor norm = use_norm ? use_norm : global_norm(t_list, {}, where);
  const NameScopeGuard inside = scope_of(name, "clip_by_global_norm", where);
  const Tensor smaller =
      minimum(divide(1.0, norm, {}, where),
              divide(constant(1.0, {.dtype = norm.dtype()}, where), clip_norm, {}, where), {}, where);
  // The product with 0 is 0, but NaN for a norm that is not finite.
  const Tensor scale =
      add(multiply(clip_norm, smaller, "mul", where), multiply(norm, 0.0, "mul", where), "add", where);
  ClippedByGlobalNorm result{{}, norm};
  for (std::size_t i = 0; i < t_list.size(); ++i) {
    if (!t_list[i]) {
      result.tensors.emplace_back();
      continue;
    }
    const std::string tensor_name = inside.name() + "_" + std::to_string(i);
    if (std::optional<detail::IndexedSlices> slices = detail::indexed_slices_of(t_list[i], where)) {
      slices->values = multiply(slices->values, scale, "mul", where);
      result.tensors.push_back(detail::dense_of(*slices, tensor_name, where));
      continue;
    }
    const Tensor scaled = multiply(t_list[i], scale, "mul", where);
    result.tensors.push_back(identity(scaled, tensor_name, where));
  }
  return result;
}

}  // namespace varscope
