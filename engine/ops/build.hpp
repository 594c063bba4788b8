// SPDX-License-Identifier: Apache-2.0
// What the functions of the public op headers are made of.
#pragma once

#include "graph/operation_builder.hpp"

#include <varscope/source_location.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// The dtype that numbers get if no input has one: int32 if all are integers, else float32.
DType number_dtype(const std::vector<NamedInput>& inputs) noexcept;

/// Adds an operation with one output.
Tensor build(std::shared_ptr<const OpDefinition> definition, std::vector<NamedInput> inputs,
             std::string_view name, std::string_view default_name, const SourceLocation& where);

/// The value itself if it is a tensor or variable of that dtype, else an empty handle.
Tensor tensor_if_dtype(const TensorLike& value, DType dtype);

}  // namespace varscope::detail
