// SPDX-License-Identifier: Apache-2.0
// Functions of two tensors for operations that are made of them.
#pragma once

#include "graph/op_definition.hpp"

#include <memory>

namespace varscope::detail {

/// What add() and subtract() are.
std::shared_ptr<const OpDefinition> add_definition();
std::shared_ptr<const OpDefinition> subtract_definition();

}  // namespace varscope::detail
