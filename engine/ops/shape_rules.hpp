// SPDX-License-Identifier: Apache-2.0
// What shape rules share: checks whose messages name the parameter, what it is and what it must be.
#pragma once

#include "graph/op_definition.hpp"

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// "float32[2,?]".
std::string to_string(const TensorSpec& spec);

/// Throws TypeError unless the dtype is one of those listed.
void require_dtype(const TensorSpec& spec, std::string_view parameter, std::initializer_list<DType> allowed);

/// float32, float64, int32 and int64: what arithmetic is defined for.
void require_number(const TensorSpec& spec, std::string_view parameter);
/// float32 and float64.
void require_floating(const TensorSpec& spec, std::string_view parameter);

/// Throws TypeError unless both have the same dtype.
void require_same_dtype(const TensorSpec& first, std::string_view first_parameter, const TensorSpec& second,
                        std::string_view second_parameter);

/// The shape with that rank, all dimensions unknown if it had none. Throws ValueError if it has another rank;
/// `layout` is what the dimensions are, such as "[batch, height, width, channels]".
Shape with_rank(const TensorSpec& spec, std::string_view parameter, int rank, std::string_view layout);

/// `axis`, counted from the start. Throws ValueError if it is outside [-rank, rank).
int axis_from_start(int axis, int rank, const TensorSpec& spec, std::string_view parameter);

/// A shape of that rank without any known dimension.
Shape unknown_of_rank(int rank);

/// Product of dimensions [first, last). Requires: all known.
std::int64_t product(const Shape& shape, int first, int last) noexcept;

}  // namespace varscope::detail
