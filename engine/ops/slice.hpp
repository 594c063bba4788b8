// SPDX-License-Identifier: Apache-2.0
// Slice for operations that are made of it.
#pragma once

#include "graph/op_definition.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace varscope::detail {

/// What slice() is.
std::shared_ptr<const OpDefinition> slice_definition(std::vector<std::int64_t> begin,
                                                     std::vector<std::int64_t> size);

}  // namespace varscope::detail
