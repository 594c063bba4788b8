// SPDX-License-Identifier: Apache-2.0
#include "graph/collection_member.hpp"
#include "graph/graph_state.hpp"
#include "runtime/snapshot_state.hpp"
#include "scope/variable_record.hpp"

#include <varscope/collection.hpp>
#include <varscope/session.hpp>
#include <varscope/session_snapshot.hpp>

#include <variant>

namespace varscope {

SessionSnapshot Session::snapshot() const {
  detail::GraphState& graph = state_->graph().state();
  // The values first: then every variable that has one is among the members.
  detail::VariableValues::Pin values = state_->pin();
  return SessionSnapshot(std::make_shared<const detail::SnapshotState>(detail::SnapshotState{
      state_, std::move(values), graph.replaced_initializers().view(), graph.collection_members().size()}));
}

Graph& SessionSnapshot::graph() const noexcept {
  return state_->session->graph();
}

namespace {

/// Calls use(variable) for each of them, until it returns false.
template <typename Use>
void for_each_global_variable(const detail::SnapshotState& snapshot, const Use& use) {
  const auto& members = snapshot.session->graph().state().collection_members();
  for (std::size_t position = 0; position < snapshot.num_collection_members; ++position) {
    const detail::CollectionMember* const member = members[position];
    if (member == nullptr) continue;
    if (member->variable != nullptr) {
      if (!member->variable->in_collection(GraphKeys::GLOBAL_VARIABLES)) continue;
      if (!use(Variable(*member->variable))) return;
    } else if (member->collection == GraphKeys::GLOBAL_VARIABLES) {
      const auto* const variable = std::get_if<Variable>(&member->item->value());
      if (variable != nullptr && !use(*variable)) return;
    }
  }
}

}  // namespace

std::vector<Variable> SessionSnapshot::global_variables() const {
  std::vector<Variable> variables;
  variables.reserve(state_->num_collection_members);
  for_each_global_variable(*state_, [&](const Variable& variable) {
    variables.push_back(variable);
    return true;
  });
  return variables;
}

bool SessionSnapshot::has_global_variables() const noexcept {
  bool found = false;
  for_each_global_variable(*state_, [&](const Variable&) {
    found = true;
    return false;
  });
  return found;
}

std::vector<Array> SessionSnapshot::read_shared(const std::vector<Variable>& variables) const {
  return state_->session->read_shared(*state_, variables);
}

}  // namespace varscope
