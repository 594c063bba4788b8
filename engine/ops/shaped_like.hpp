// SPDX-License-Identifier: Apache-2.0
// Operations on one input whose outputs have the shapes of other tensors, which may be known only when a plan
// is made. Gradients have the shapes of the inputs of the forward operation, so most rules need one.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/source_location.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// The operation on `value` alone that gives outputs of exactly these shapes, all fully known.
using ShapedForm = std::function<std::shared_ptr<const OpDefinition>(std::span<const Shape> shapes)>;

/// The gradient of `value` from those of the outputs, for forms whose own rule wants to know the shapes.
using ShapedRule = std::function<Tensor(const Tensor& gradient, const SourceLocation& where)>;

/// Adds an operation with one output of the shape of each of `likes` and the dtype of `value`: what `form`
/// gives for these shapes. Where they are known already, it is that; else it takes `likes` as further inputs.
/// `type` is a static text, TensorFlow's name or our own. Its gradient rule is `rule`, or that of the form,
/// which is then made for shapes that may be unknown.
std::vector<Tensor> build_shaped_like(std::string_view type, ShapedForm form, const Tensor& value,
                                      std::span<const Tensor> likes, std::string_view name,
                                      const SourceLocation& where, ShapedRule rule = {});
Tensor build_shaped_like(std::string_view type, ShapedForm form, const Tensor& value, const Tensor& like,
                         std::string_view name, const SourceLocation& where, ShapedRule rule = {});

}  // namespace varscope::detail
