// SPDX-License-Identifier: Apache-2.0
// Making a variable through the creators of the thread, if there are any.
#pragma once

#include "scope/scope_stack.hpp"
#include "scope/variable_record.hpp"

#include <varscope/variable_creator_scope.hpp>

#include <string_view>

namespace varscope::detail {

class GraphState;

/// Makes a variable of that name below the stack's name scope, which no entry of the registry owns. Throws
/// what Variable's constructor does; then nothing has been made.
VariableRecord& create_variable(GraphState& graph, ScopeStack& stack, VariableCreatorArguments arguments);

/// The same through the creators (SEMANTICS U3). A name that is empty when it gets to the variable is
/// replaced by `name_if_empty`. Gives whatever variable the creators give; throws ValueError if that is not a
/// single one of this graph, and what they throw.
VariableRecord& create_variable_by_creators(GraphState& graph, ScopeStack& stack,
                                            VariableCreatorArguments arguments,
                                            std::string_view name_if_empty);

}  // namespace varscope::detail
