// SPDX-License-Identifier: Apache-2.0
// ScopeStack: the open variable scopes, the current name scope and the control dependencies of one thread in
// one graph.
#pragma once

#include "scope/scope_counters.hpp"

#include <varscope/variable_creator_scope.hpp>
#include <varscope/variable_scope.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace varscope::detail {

class GraphState;

/// Belongs to the thread that made it; no other thread may touch it.
class ScopeStack {
 public:
  ScopeStack();

  /// The innermost open scope, or the root. Valid until that scope is left.
  VariableScope& variable_scope() noexcept { return frames_.empty() ? root_ : frames_.back().scope; }

  /// The prefix of op names without its final "/", "" at the root.
  const std::string& name_scope() const noexcept { return name_scope_; }
  /// Opens a name scope and gives the one before.
  std::string exchange_name_scope(std::string name) noexcept;
  /// Goes back to the name scope before, on behalf of a guard; does nothing in another thread.
  void restore_name_scope(std::string previous) noexcept;

  /// name_scope + "/" + name, or the name alone at the root.
  std::string qualify(std::string_view name) const;

  /// Where a new variable scope stands: below the current one, or jumped to from anywhere (captured).
  enum class Entering { below, jump };

  /// Opens `scope`; leaving it restores `previous_name_scope`. Gives a number to leave it by.
  std::uint64_t enter(VariableScope scope, Entering entering, std::string previous_name_scope);

  /// Leaves the scope of that number, and those opened in it that are still open, restoring name scope and
  /// counters. In debug builds an assertion fails if it is not the innermost one or the thread is not the
  /// one that opened it; else the former leaves all of them and the latter does nothing.
  void leave(std::uint64_t serial) noexcept;

  const ScopeCounters& counters() const noexcept { return counters_; }

  /// What every variable that this thread makes goes through, innermost last.
  const std::vector<VariableCreator>& creators() const noexcept { return creators_; }
  /// Gives the number of creators below the new one, to leave it by.
  std::size_t enter_creator(VariableCreator creator);
  /// Leaves the creators above that number; what is wrong is asserted and treated as by leave().
  void leave_creator(std::size_t depth) noexcept;

  /// What every operation that this thread adds runs after.
  const std::vector<Operation>& control_dependencies() const noexcept { return control_dependencies_; }
  /// Gives those before.
  std::vector<Operation> exchange_control_dependencies(std::vector<Operation> operations) noexcept {
    return std::exchange(control_dependencies_, std::move(operations));
  }

  bool idle() const noexcept { return frames_.empty() && creators_.empty() && control_dependencies_.empty(); }

 private:
  struct Frame {
    VariableScope scope;
    std::string previous_name_scope;
    std::uint64_t serial;
    std::size_t counters_mark;
    Entering entering;
  };

  void leave_innermost() noexcept;

  const std::thread::id thread_;
  VariableScope root_;
  std::deque<Frame> frames_;  // a deque: scopes do not move while others are opened
  std::string name_scope_;
  ScopeCounters counters_;
  std::vector<VariableCreator> creators_;
  std::vector<Operation> control_dependencies_;
  std::uint64_t last_serial_ = 0;
};

/// The name scope at the root for as long as it lives: what custom getters, partitioners and regularizers
/// make is named in full.
class RootNameScope {
 public:
  explicit RootNameScope(ScopeStack& stack) noexcept
      : stack_(stack), previous_(stack.exchange_name_scope({})) {}
  ~RootNameScope() { stack_.restore_name_scope(std::move(previous_)); }
  RootNameScope(const RootNameScope&) = delete;
  RootNameScope& operator=(const RootNameScope&) = delete;

 private:
  ScopeStack& stack_;
  std::string previous_;
};

/// This thread's stack in that graph, made at the root scope when first asked for. It is kept, with whatever
/// was left open or set on its root, until the thread or the graph ends (after the graph: until the thread
/// next asks for a new one).
ScopeStack& scope_stack(const GraphState& graph);

/// The same in the default graph.
ScopeStack& current_scope_stack();

}  // namespace varscope::detail
