// SPDX-License-Identifier: Apache-2.0
#include "scope/variable_record.hpp"

#include "graph/graph_state.hpp"
#include "scope/initializer_body.hpp"
#include "scope/variable_operation.hpp"

#include <algorithm>

namespace varscope::detail {

VariableRecord::VariableRecord(GraphState& graph, Definition definition)
    : graph_(&graph), definition_(std::move(definition)), member_{this} {
  for (std::atomic<std::size_t>& position : positions_)
    position.store(kNoPosition, std::memory_order_relaxed);
}

bool VariableRecord::in_collection(std::string_view name) const noexcept {
  if (name == GraphKeys::TRAINABLE_VARIABLES && trainable()) return true;
  const std::vector<std::string>& collections = definition_.collections;
  return std::find(collections.begin(), collections.end(), name) != collections.end();
}

void VariableRecord::complete() {
  // acquire: everything that the thread did which completed it (release below).
  if (complete_.load(std::memory_order_acquire)) return;
  settle_nodes();
  append();
  complete_.store(true, std::memory_order_release);
}

void VariableRecord::settle_nodes() {
  // A key that ends in '/' (an empty name in a scope) names the operation literally (SEMANTICS C9).
  // An empty key (an empty name at the root) is named by the type, and its other operations at the root, as
  // in TensorFlow.
  const bool literally = key().ends_with('/');
  const std::string wanted = key().empty() ? "VariableV2"
                             : literally   ? key().substr(0, key().size() - 1)
                                           : key();
  const std::string& settled_name = settle(variable, wanted, literally, {}).name();
  const std::string below = key().empty() ? std::string() : settled_name + "/";

  std::string initial_value_name = below + "initial_value";
  if (!initializer().is_value()) {
    initial_value_name =
        graph_->claim_name_for(this, below + "Initializer", [](const std::string&) { return true; });
    initial_value_name += '/';
    initial_value_name += initializer().body()->op_name();
  }
  const OperationNode& value = settle(initial_value, initial_value_name, false, {});
  settle(assign, below + "Assign", false, {Tensor(settled(variable), 0), Tensor(&value, 0)});
  settle(read, below + "read", false, {Tensor(settled(variable), 0)});
}

const OperationNode& VariableRecord::settle(Part part, const std::string& name, bool literally,
                                            std::vector<Tensor> inputs) {
  if (const OperationNode* const node = settled(part)) return *node;
  const std::shared_ptr<const OpDefinition> definition = definition_of(part);
  const OperationNode* node = nullptr;
  // An operation whose name was given literally may have the name without having reserved it. Then that name
  // is not for us, now or later.
  const auto register_as = [&](const std::string& candidate) {
    auto fresh = std::make_unique<OperationNode>(graph_->graph(), candidate, definition, inputs,
                                                 std::vector<Operation>{}, definition->infer({}), where());
    node = graph_->registry().find_or_insert(Path(candidate)).set_operation(fresh.get());
    if (node == fresh.get()) {
      fresh.release();  // owned by the registry from here on
      return true;
    }
    return node->definition()->variable() == this && node->definition()->role() == definition->role();
  };
  if (!literally || !register_as(name)) graph_->claim_name_for(&nodes_[part], name, register_as);
  nodes_[part].store(node, std::memory_order_release);  // release: publishes the node; all store the same
  return *node;
}

std::shared_ptr<const OpDefinition> VariableRecord::definition_of(Part part) const {
  switch (part) {
    case initial_value:
      return std::make_shared<VariableOperation>(OpRole::initial_value, initializer().body()->op_type(),
                                                 *this);
    case variable:
      return std::make_shared<VariableOperation>(OpRole::variable, "VariableV2", *this);
    case assign:
      return std::make_shared<VariableOperation>(OpRole::assign_initial, "Assign", *this);
    case read:
      break;
  }
  return std::make_shared<VariableOperation>(OpRole::variable_read, "Identity", *this);
}

void VariableRecord::append() {
  const auto append_once = [](auto& list, std::atomic<std::size_t>& agreed, auto* element) {
    list.store(list.agree_on_position(agreed), element);
  };
  for (const Part part : {initial_value, variable, assign, read}) {
    append_once(graph_->operations(), positions_[part], settled(part));
  }
  append_once(graph_->variables(), index_, this);
  append_once(graph_->collection_members(), member_position_, &member_);
}

}  // namespace varscope::detail
