// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/scope_stack.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <charconv>

namespace varscope {

Graph::Graph() : state_(std::make_unique<detail::GraphState>(*this)) {}

Graph::~Graph() = default;

std::uint64_t Graph::id() const noexcept {
  return state_->id();
}

void Graph::finalize() noexcept {
  state_->finalize();
}

bool Graph::finalized() const noexcept {
  return state_->finalized();
}

std::vector<Operation> Graph::operations() const {
  std::vector<Operation> operations;
  state_->operations().for_each([&](const detail::OperationNode& node) { operations.emplace_back(&node); });
  return operations;
}

Operation Graph::get_operation_by_name(std::string_view name) const {
  const detail::OperationNode* node = state_->find_operation(name);
  if (node == nullptr) {
    throw NotFoundError("the graph has no operation '" + std::string(name) + "'. " +
                        state_->nearest_operation_names(name).question());
  }
  return Operation(node);
}

Tensor Graph::get_tensor_by_name(std::string_view name) const {
  const std::size_t colon = name.rfind(':');
  int index = -1;
  if (colon != std::string_view::npos) {
    const char* end = name.data() + name.size();
    const auto [last, error] = std::from_chars(name.data() + colon + 1, end, index);
    if (error != std::errc{} || last != end) index = -1;
  }
  if (index < 0) {
    throw ValueError(
        "'" + std::string(name) +
        "' is not the name of a tensor: write the operation's name, a colon and the output's index, "
        "such as 'conv1/Relu:0'");
  }
  const Operation operation = get_operation_by_name(name.substr(0, colon));
  if (index >= operation.num_outputs()) {
    throw NotFoundError("operation " + detail::describe(*operation.node()) + " has " +
                        std::to_string(operation.num_outputs()) + " outputs; there is no tensor '" +
                        std::string(name) + "'");
  }
  return operation.output(index);
}

std::string Graph::unique_name(std::string_view name, bool mark_as_used) {
  return state_->unique_name(detail::scope_stack(*state_).qualify(name), mark_as_used);
}

void Graph::set_random_seed(std::uint64_t seed) noexcept {
  state_->set_random_seed(seed);
}

std::optional<std::uint64_t> Graph::random_seed() const noexcept {
  return state_->random_seed();
}

void set_random_seed(std::uint64_t seed) {
  get_default_graph().set_random_seed(seed);
}

}  // namespace varscope
