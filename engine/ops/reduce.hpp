// SPDX-License-Identifier: Apache-2.0
// Sums for operations that are made of them.
#pragma once

#include "graph/op_definition.hpp"

#include <memory>
#include <vector>

namespace varscope::detail {

/// The kernel that sums the input over the dimensions that are marked; `result` is the shape of the sums. As
/// OpDefinition::make_kernel(), it gives nullptr if these are the same elements.
std::unique_ptr<Kernel> make_sum_kernel(const TensorSpec& input, const std::vector<bool>& summed,
                                        const Shape& result);

}  // namespace varscope::detail
