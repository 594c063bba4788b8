// SPDX-License-Identifier: Apache-2.0
// Pad for operations that are made of it.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/array_ops.hpp>

#include <memory>
#include <vector>

namespace varscope::detail {

/// What pad() with zeros is.
std::shared_ptr<const OpDefinition> pad_definition(std::vector<PadWidths> paddings);

}  // namespace varscope::detail
