// SPDX-License-Identifier: Apache-2.0
// What runs before what, beside the order that inputs give (TensorFlow's tf.control_dependencies, tf.group,
// tf.no_op).
//
// A run computes what its fetches need: their inputs and their control inputs. Since everything in a run
// reads the variables as they were before it, the order matters to assignments alone: one acts after those
// among its inputs and control inputs (state_ops.hpp).
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

#include <string_view>
#include <vector>

namespace varscope {

namespace detail {
class ScopeStack;
}

/// While it lives, operations that its thread adds to its graph have the control inputs of
/// control_dependencies().
class VARSCOPE_API ControlDependenciesGuard {
 public:
  ControlDependenciesGuard(const ControlDependenciesGuard&) = delete;
  ControlDependenciesGuard& operator=(const ControlDependenciesGuard&) = delete;
  /// Goes back to those before; leave in the reverse order of entering, in the thread that entered.
  ~ControlDependenciesGuard();

 private:
  friend ControlDependenciesGuard control_dependencies(const std::vector<Operation>& control_inputs);
  ControlDependenciesGuard(detail::ScopeStack& stack, std::vector<Operation> previous) noexcept
      : stack_(&stack), previous_(std::move(previous)) {}

  detail::ScopeStack* stack_;
  std::vector<Operation> previous_;
};

/// Operations that are added to the default graph while the guard lives run only in runs of these too, after
/// them; nested guards add up. Variables are initialized without them. Of a Tensor give its op(). Throws
/// ValueError for an empty operation or one of another graph.
[[nodiscard]] VARSCOPE_API ControlDependenciesGuard
control_dependencies(const std::vector<Operation>& control_inputs);

/// An operation that runs all of `inputs` and nothing else ("group_deps"). Throws ValueError for an empty
/// operation, one of another graph or an invalid name, RuntimeError if the graph is finalized.
VARSCOPE_API Operation group(const std::vector<Operation>& inputs, std::string_view name = {},
                             SourceLocation where = SourceLocation::current());

/// An operation that does nothing ("NoOp"). Throws as group() does.
VARSCOPE_API Operation no_op(std::string_view name = {}, SourceLocation where = SourceLocation::current());

}  // namespace varscope
