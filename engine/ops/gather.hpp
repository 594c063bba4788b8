// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

#include <string_view>

namespace varscope::detail {

/// The type of the operation that is the gradient of gather() with regard to its params.
inline constexpr std::string_view kGatherGradType = "UnsortedSegmentSum";

/// That operation, for rows `values` of an array of shape `params` that were taken from `indices`.
Tensor gather_gradient(const Tensor& values, const Tensor& indices, const Shape& params,
                       std::string_view name, const SourceLocation& where);

}  // namespace varscope::detail
