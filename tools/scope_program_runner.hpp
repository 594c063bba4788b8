// SPDX-License-Identifier: Apache-2.0
// Runs a scope program through varscope's public interface and writes down what happens.
#pragma once

#include "scope_program.hpp"
#include "scope_tree.hpp"

#include <varscope/constraint.hpp>
#include <varscope/graph.hpp>
#include <varscope/session.hpp>
#include <varscope/template.hpp>
#include <varscope/tensor.hpp>
#include <varscope/variable.hpp>
#include <varscope/variable_scope.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace varscope::tools {

/// One run of one program, in graphs of its own. The program must outlive the runner.
class ScopeProgramRunner {
 public:
  enum class Messages { hide, show };

  /// `messages`: whether the message of each refusal follows its line, as lines that begin with "# ".
  explicit ScopeProgramRunner(const ScopeProgram& program, Messages messages = Messages::hide);
  ~ScopeProgramRunner();
  ScopeProgramRunner(const ScopeProgramRunner&) = delete;
  ScopeProgramRunner& operator=(const ScopeProgramRunner&) = delete;

  /// Runs the program; once. Throws InvalidArgumentError, naming the line, for a program whose templates call
  /// each other without end. What varscope refuses is no exception but a line.
  void run();

  /// What the program has printed, each line with its end.
  const std::string& output() const noexcept { return output_; }

  /// The scopes that it opened and the variables that it got.
  ScopeTree tree() const;

 private:
  struct GraphOfProgram {
    Graph graph;
    std::unique_ptr<Session> session = nullptr;  // once a value is asked for
  };
  // What as= of a variable_scope names: the open scope itself, later the state that it was left in.
  struct CapturedScope {
    VariableScope left;
    const VariableScope* open = nullptr;
    const VariableScope& scope() const noexcept { return open != nullptr ? *open : left; }
  };
  using BodyTemplate = Template<std::function<void()>>;
  using Identifier = std::variant<std::shared_ptr<CapturedScope>, Variable, Tensor, Operation, BodyTemplate>;
  struct OpenedScope {
    const Graph* graph;
    std::string name;
    std::string op_prefix;  // empty: none was opened
  };
  struct ReturnedVariable {
    Variable variable;
    int times;  // 0: known only as a part of a partitioned one
  };
  class OpenBlock;

  void run_statements(const std::vector<ScopeStatement>& statements, bool outermost);
  void run_statement(const ScopeStatement& statement);
  void run_variable_scope(const ScopeStatement& statement);
  void run_name_scope(const ScopeStatement& statement);
  void run_variable_creator_scope(const ScopeStatement& statement);
  void run_thread(const ScopeStatement& statement);
  void run_with_graph(const ScopeStatement& statement);
  void run_setter(const ScopeStatement& statement);
  void run_get_variable(const ScopeStatement& statement);
  void run_create_partitioned_variables(const ScopeStatement& statement);
  void run_partition_info(const ScopeStatement& statement);
  void run_op(const ScopeStatement& statement);
  void run_initializer_op(const ScopeStatement& statement);
  void run_run(const ScopeStatement& statement);
  void run_value(const ScopeStatement& statement);
  void run_collection(const ScopeStatement& statement);
  void run_template(const ScopeStatement& statement);
  void run_call(const ScopeStatement& statement);

  // Runs `action`; if varscope refuses it, prints that and gives false.
  bool attempt(const std::function<void()>& action);

  // The identifier if it is defined and of that kind, else nullptr.
  template <typename Value>
  const Value* find(const std::string& name) const {
    const auto found = identifiers_.find(name);
    return found == identifiers_.end() ? nullptr : std::get_if<Value>(&found->second);
  }
  template <typename Value>
  void define(const std::string& name, Value value) {
    if (!name.empty()) identifiers_.insert_or_assign(name, Identifier(std::move(value)));
  }

  Graph& add_graph();
  Session& session_of(const Graph& graph);
  Constraint constraint_named(const std::string& name);
  std::string constraint_name(const Constraint& constraint) const;
  VariableScopeOptions scope_options(const ScopeStatement& statement);
  GetVariableOptions variable_options(const ScopeStatement& statement);
  SourceLocation where(const ScopeStatement& statement) const noexcept;
  void record_scope(const VariableScope& scope, const std::string& prefix_before);
  // What is known of a variable; an entry that is new for one that is.
  std::pair<ReturnedVariable&, bool> remember(const Variable& variable);

  void print(std::string_view line);
  void print_scope(const VariableScope& scope);
  void print_variable(const Variable& variable);

  const ScopeProgram& program_;
  const Messages messages_;
  std::string output_;
  std::list<GraphOfProgram> graphs_;
  std::unordered_map<std::string, Identifier> identifiers_;
  std::vector<std::pair<std::string, Constraint>> constraints_;
  std::vector<OpenedScope> opened_;
  std::vector<ReturnedVariable> returned_;  // in the order of their first return
  std::unordered_map<const void*, std::size_t>
      returned_records_;   // the index in returned_ of plain variables
  std::size_t depth_ = 0;  // of blocks and calls
};

}  // namespace varscope::tools
