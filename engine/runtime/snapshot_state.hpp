// SPDX-License-Identifier: Apache-2.0
// SnapshotState: what a SessionSnapshot refers to. Taking it stores a pointer in a slot, whatever the number
// of variables.
#pragma once

#include "runtime/session_state.hpp"
#include "scope/replaced_initializers.hpp"

#include <cstddef>
#include <memory>

namespace varscope::detail {

/// Immutable. The session's state outlives the pin, which is a slot of it: the order of the members.
struct SnapshotState {
  std::shared_ptr<const SessionState> session;
  VariableValues::Pin values;
  ReplacedInitializers::View initializers;
  std::size_t num_collection_members = 0;  // of the graph, at that moment
};

}  // namespace varscope::detail
