// SPDX-License-Identifier: Apache-2.0
// Keeping values and gradients within limits (TensorFlow's tf.clip_by_value and its kin).
//
// `name` is the operation's name below the current name scope; empty means TensorFlow's default, given with
// each function. All of them throw TypeError for a dtype that they do not take, ValueError for shapes that do
// not fit, tensors of different graphs or an invalid name, RuntimeError if the graph is finalized. Safe from
// any thread at any time.
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace varscope {

/// max(min(t, clip_value_max), clip_value_min) of each element ("clip_by_value"). The limits are of the dtype
/// of `t`, and numbers or of a shape that is broadcast to that of `t`. NaN stays.
VARSCOPE_API Tensor clip_by_value(const TensorLike& t, const TensorLike& clip_value_min,
                                  const TensorLike& clip_value_max, std::string_view name = {},
                                  SourceLocation where = SourceLocation::current());

/// t * clip_norm / max(norm of t, clip_norm): of the same direction, and no longer than clip_norm, a positive
/// scalar ("clip_by_norm"). Of float32 or float64. Its gradient at t = 0 is NaN.
VARSCOPE_API Tensor clip_by_norm(const TensorLike& t, const TensorLike& clip_norm, std::string_view name = {},
                                 SourceLocation where = SourceLocation::current());

/// sqrt(sum over all tensors of the sum of their squares), a scalar ("global_norm/global_norm"). Empty
/// Tensors are skipped. Of the gradient of lookups (gather()) the rows count as they are, equal ones each by
/// itself, as in TensorFlow. All of one dtype, float32 or float64. Throws ValueError if no tensor is left.
VARSCOPE_API Tensor global_norm(const std::vector<Tensor>& t_list, std::string_view name = {},
                                SourceLocation where = SourceLocation::current());

struct ClippedByGlobalNorm {
  std::vector<Tensor> tensors;  // empty where what was given is empty
  Tensor norm;                  // before clipping
};

/// All tensors times clip_norm * min(1 / norm, 1 / clip_norm): together no longer than clip_norm, a positive
/// scalar. `use_norm` is their norm if it is known already, else global_norm() is used. A norm that is not
/// finite makes all results NaN. ("clip_by_global_norm/clip_by_global_norm/_0" and so on.) The first word of
/// training recurrent models:
///
///   auto grads_and_vars = optimizer.compute_gradients(loss);
///   std::vector<vs::Tensor> gradients;
///   for (const auto& [gradient, variable] : grads_and_vars) gradients.push_back(gradient);
///   auto [clipped, norm] = vs::clip_by_global_norm(gradients, 5.0);
///   for (std::size_t i = 0; i < clipped.size(); ++i) grads_and_vars[i].gradient = clipped[i];
///   auto train = optimizer.apply_gradients(grads_and_vars);
VARSCOPE_API ClippedByGlobalNorm clip_by_global_norm(const std::vector<Tensor>& t_list,
                                                     const TensorLike& clip_norm, const Tensor& use_norm = {},
                                                     std::string_view name = {},
                                                     SourceLocation where = SourceLocation::current());

}  // namespace varscope
