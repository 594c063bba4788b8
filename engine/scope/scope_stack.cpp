// SPDX-License-Identifier: Apache-2.0
#include "scope/scope_stack.hpp"

#include "graph/graph_state.hpp"

#include <varscope/graph.hpp>

#include <algorithm>
#include <cassert>
#include <memory>
#include <vector>

namespace varscope::detail {

ScopeStack::ScopeStack() : thread_(std::this_thread::get_id()) {}

std::string ScopeStack::exchange_name_scope(std::string name) noexcept {
  name_scope_.swap(name);
  return name;
}

void ScopeStack::restore_name_scope(std::string previous) noexcept {
  const bool own_thread = thread_ == std::this_thread::get_id();
  assert(own_thread && "a name scope must be left in the thread that opened it");
  if (own_thread) name_scope_ = std::move(previous);
}

std::string ScopeStack::qualify(std::string_view name) const {
  if (name_scope_.empty()) return std::string(name);
  std::string full = name_scope_;
  full += '/';
  full += name;
  return full;
}

std::uint64_t ScopeStack::enter(VariableScope scope, Entering entering, std::string previous_name_scope) {
  const std::uint64_t serial = last_serial_ + 1;
  frames_.push_back({std::move(scope), std::move(previous_name_scope), serial, 0, entering});
  Frame& frame = frames_.back();
  try {
    counters_.open(frame.scope.name());
    // After the opening itself has been counted: that count stays (J6).
    if (entering == Entering::jump) frame.counters_mark = counters_.mark();
  } catch (...) {
    frames_.pop_back();
    throw;
  }
  last_serial_ = serial;
  return serial;
}

void ScopeStack::leave(std::uint64_t serial) noexcept {
  const bool own_thread = thread_ == std::this_thread::get_id();
  assert(own_thread && "a variable scope must be left in the thread that opened it");
  if (!own_thread) return;
  const bool open =
      std::any_of(frames_.begin(), frames_.end(), [&](const Frame& frame) { return frame.serial == serial; });
  assert(open && frames_.back().serial == serial && "variable scopes must be left innermost first");
  if (!open) return;
  while (frames_.back().serial != serial) leave_innermost();
  leave_innermost();
}

void ScopeStack::leave_innermost() noexcept {
  Frame& frame = frames_.back();
  if (frame.entering == Entering::jump) {
    counters_.roll_back(frame.counters_mark);
  } else {
    counters_.close_below(frame.scope.name());
  }
  name_scope_ = std::move(frame.previous_name_scope);
  frames_.pop_back();
}

std::size_t ScopeStack::enter_creator(VariableCreator creator) {
  creators_.push_back(std::move(creator));
  return creators_.size() - 1;
}

void ScopeStack::leave_creator(std::size_t depth) noexcept {
  const bool own_thread = thread_ == std::this_thread::get_id();
  assert(own_thread && "a variable creator scope must be left in the thread that opened it");
  if (!own_thread) return;
  assert(creators_.size() == depth + 1 && "variable creator scopes must be left innermost first");
  if (depth < creators_.size()) creators_.resize(depth);
}

namespace {

/// The stacks of one thread. Graphs are told apart by their ids, which are never used again, so that a graph
/// that is gone is never touched.
class ThreadStacks {
 public:
  ScopeStack& of(const GraphState& graph) {
    if (graph.id() == last_id_) return *last_;
    const auto known = std::find_if(stacks_.begin(), stacks_.end(),
                                    [&](const Item& item) { return item.graph_id == graph.id(); });
    ScopeStack& stack = known != stacks_.end() ? *known->stack : add(graph);
    last_id_ = graph.id();
    last_ = &stack;
    return stack;
  }

 private:
  struct Item {
    std::uint64_t graph_id;
    std::weak_ptr<const void> graph_lifetime;
    std::unique_ptr<ScopeStack> stack;
  };

  ScopeStack& add(const GraphState& graph) {
    // A stack with open scopes is kept even if its graph is gone: their guards will still come back to it.
    stacks_.erase(
        std::remove_if(stacks_.begin(), stacks_.end(),
                       [](const Item& item) { return item.graph_lifetime.expired() && item.stack->idle(); }),
        stacks_.end());
    stacks_.push_back({graph.id(), graph.lifetime(), std::make_unique<ScopeStack>()});
    return *stacks_.back().stack;
  }

  std::vector<Item> stacks_;
  std::uint64_t last_id_ = 0;  // no graph has this id
  ScopeStack* last_ = nullptr;
};

}  // namespace

ScopeStack& scope_stack(const GraphState& graph) {
  thread_local ThreadStacks stacks;
  return stacks.of(graph);
}

ScopeStack& current_scope_stack() {
  return scope_stack(get_default_graph().state());
}

}  // namespace varscope::detail
