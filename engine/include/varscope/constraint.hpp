// SPDX-License-Identifier: Apache-2.0
// Constraints: what a variable is projected to after an optimizer has changed it.
#pragma once

#include <varscope/shared_function.hpp>
#include <varscope/tensor.hpp>

namespace varscope {

/// From the new value to the value that the variable gets, of the same shape and dtype. Belongs to the very
/// scope or call that it was given to: neither scopes inside nor captures inherit it (SEMANTICS P).
class Constraint : public SharedFunction<Tensor(const Tensor&)> {
 public:
  using SharedFunction::SharedFunction;
};

}  // namespace varscope
