// SPDX-License-Identifier: Apache-2.0
// SumToShape: the gradient of broadcasting.
#pragma once

#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

namespace varscope::detail {

/// What flows to `operand`, which was broadcast against `other`, of the gradient with regard to the result:
/// its sum over the dimensions along which `operand` was repeated, in the shape of `operand`. It is
/// `gradient` itself if there are surely none. The last `own_dimensions` of the three are not broadcast (the
/// matrices of a product).
Tensor sum_to_operand(const Tensor& gradient, const Tensor& operand, const Tensor& other,
                      const SourceLocation& where, int own_dimensions = 0);

}  // namespace varscope::detail
