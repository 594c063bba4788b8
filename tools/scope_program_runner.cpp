// SPDX-License-Identifier: Apache-2.0
#include "scope_program_runner.hpp"

#include "scope_program_values.hpp"

#include <varscope/collection.hpp>
#include <varscope/error.hpp>
#include <varscope/partitioned_variables.hpp>
#include <varscope/variable_creator_scope.hpp>

#include <algorithm>
#include <exception>
#include <thread>

namespace varscope::tools {

namespace {

using Kind = ScopeStatement::Kind;
using NameKind = ScopeStatement::NameKind;

constexpr std::size_t kDeepestRun = 200;

// What `raise` throws: nothing that varscope or a template could take for an error of its own.
struct Raised {};

// The program itself is wrong, not what it asks varscope for.
struct ProgramError {
  std::string message;
};

}  // namespace

// An open block or call: what nests too deep is refused.
class ScopeProgramRunner::OpenBlock {
 public:
  OpenBlock(ScopeProgramRunner& runner, const ScopeStatement& statement) : runner_(runner) {
    if (runner.depth_ == kDeepestRun)
      throw ProgramError{runner.program_.file + ":" + std::to_string(statement.line) + ": more than " +
                         std::to_string(kDeepestRun) +
                         " blocks and calls are open; does a template call itself?"};
    ++runner_.depth_;
  }
  ~OpenBlock() { --runner_.depth_; }
  OpenBlock(const OpenBlock&) = delete;
  OpenBlock& operator=(const OpenBlock&) = delete;

 private:
  ScopeProgramRunner& runner_;
};

ScopeProgramRunner::ScopeProgramRunner(const ScopeProgram& program, Messages messages)
    : program_(program), messages_(messages) {}

ScopeProgramRunner::~ScopeProgramRunner() = default;

void ScopeProgramRunner::run() {
  const Graph::AsDefault inside = add_graph().as_default();
  try {
    run_statements(program_.statements, true);
  } catch (const ProgramError& error) {
    throw InvalidArgumentError(error.message);
  }
}

void ScopeProgramRunner::run_statements(const std::vector<ScopeStatement>& statements, bool outermost) {
  std::unique_ptr<Graph::AsDefault> inside;  // of the last `graph` among these statements
  for (const ScopeStatement& statement : statements) {
    if (statement.kind == Kind::graph) {
      inside.reset();
      inside = std::make_unique<Graph::AsDefault>(add_graph());
      identifiers_.clear();
      continue;
    }
    try {
      run_statement(statement);
    } catch (const Raised&) {
      if (!outermost) throw;
    }
  }
}

void ScopeProgramRunner::run_statement(const ScopeStatement& statement) {
  switch (statement.kind) {
    case Kind::graph:
      return;
    case Kind::variable_scope:
      return run_variable_scope(statement);
    case Kind::scope_object: {
      const auto object = std::make_shared<CapturedScope>();
      object->left = VariableScope(statement.options.reuse.value_or(Reuse(false)), statement.name);
      return define(statement.options.as, object);
    }
    case Kind::name_scope:
      return run_name_scope(statement);
    case Kind::variable_creator_scope:
      return run_variable_creator_scope(statement);
    case Kind::reuse_variables:
      return get_variable_scope().reuse_variables();
    case Kind::set_initializer:
    case Kind::set_dtype:
    case Kind::set_regularizer:
    case Kind::set_partitioner:
    case Kind::set_custom_getter:
      return run_setter(statement);
    case Kind::get_variable:
    case Kind::get_local_variable:
    case Kind::variable:
      return run_get_variable(statement);
    case Kind::create_partitioned_variables:
      return run_create_partitioned_variables(statement);
    case Kind::partition_info:
      return run_partition_info(statement);
    case Kind::op:
      return run_op(statement);
    case Kind::run:
      return run_run(statement);
    case Kind::current:
      return print_scope(get_variable_scope());
    case Kind::value:
      return run_value(statement);
    case Kind::collection:
      return run_collection(statement);
    case Kind::unique_name:
      attempt([&] {
        print("name " + get_default_graph().unique_name(statement.name, statement.options.mark_as_used));
      });
      return;
    case Kind::strip_name_scope:
      return print("name " + strip_name_scope(statement.name, statement.options.collection_scope));
    case Kind::prepend_name_scope:
      return print("name " + prepend_name_scope(statement.name, statement.options.collection_scope));
    case Kind::make_template:
      return run_template(statement);
    case Kind::call:
      return run_call(statement);
    case Kind::raise:
      print("raised");
      throw Raised();
    case Kind::thread:
      return run_thread(statement);
    case Kind::with_graph:
      return run_with_graph(statement);
  }
}

void ScopeProgramRunner::run_variable_scope(const ScopeStatement& statement) {
  const auto* captured = statement.name_kind == NameKind::identifier
                             ? find<std::shared_ptr<CapturedScope>>(statement.name)
                             : nullptr;
  if (statement.name_kind == NameKind::identifier && captured == nullptr) return print("skipped");

  const OpenBlock open(*this, statement);
  const std::string prefix_before = current_name_scope();
  std::unique_ptr<VariableScopeGuard> guard;  // by new: a guard cannot be moved, only returned
  const bool opened = attempt([&] {
    const SourceLocation place = where(statement);
    VariableScopeOptions options = scope_options(statement);
    if (captured != nullptr) {
      const VariableScope scope = (*captured)->scope();
      guard.reset(new VariableScopeGuard(variable_scope(scope, std::move(options), place)));
    } else if (statement.name_kind == NameKind::none) {
      guard.reset(new VariableScopeGuard(variable_scope(std::nullopt, std::move(options), place)));
    } else {
      guard.reset(new VariableScopeGuard(variable_scope(statement.name, std::move(options), place)));
    }
  });
  if (!opened) return;
  print_scope(guard->scope());
  record_scope(guard->scope(), prefix_before);

  // Setters inside the block are seen through the identifier too, as in Python, where it is the same object.
  const auto identifier = std::make_shared<CapturedScope>();
  identifier->open = &guard->scope();
  struct Leaving {
    CapturedScope& scope;
    ~Leaving() {
      scope.left = *scope.open;
      scope.open = nullptr;
    }
  };
  const Leaving leaving{*identifier};
  define(statement.options.as, identifier);
  run_statements(statement.body, false);
}

void ScopeProgramRunner::run_name_scope(const ScopeStatement& statement) {
  std::optional<std::string> name;
  if (statement.name_kind == NameKind::text) name = statement.name;
  if (statement.name_kind == NameKind::identifier) {
    const auto* captured = find<std::shared_ptr<CapturedScope>>(statement.name);
    if (captured == nullptr) return print("skipped");
    name = (*captured)->scope().original_name_scope();
  }
  const OpenBlock open(*this, statement);
  std::unique_ptr<NameScopeGuard> guard;
  const bool opened = attempt([&] {
    const auto view = name ? std::optional<std::string_view>(*name) : std::nullopt;
    guard.reset(new NameScopeGuard(name_scope(view, statement.options.default_name, where(statement))));
  });
  if (!opened) return;
  print("ops " + guard->name());
  run_statements(statement.body, false);
}

void ScopeProgramRunner::run_variable_creator_scope(const ScopeStatement& statement) {
  const OpenBlock open(*this, statement);
  const VariableCreatorScopeGuard guard =
      variable_creator_scope(creator_of(statement.name, statement.options.trainable));
  run_statements(statement.body, false);
}

void ScopeProgramRunner::run_thread(const ScopeStatement& statement) {
  const OpenBlock open(*this, statement);
  Graph& graph = get_default_graph();
  std::exception_ptr thrown;
  std::thread thread([&] {
    try {
      const Graph::AsDefault inside = graph.as_default();
      run_statements(statement.body, false);
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  thread.join();
  if (thrown) std::rethrow_exception(thrown);
}

void ScopeProgramRunner::run_with_graph(const ScopeStatement& statement) {
  const OpenBlock open(*this, statement);
  const Graph::AsDefault inside = add_graph().as_default();
  run_statements(statement.body, false);
}

void ScopeProgramRunner::run_setter(const ScopeStatement& statement) {
  const ScopeOptions& options = statement.options;
  VariableScope& scope = get_variable_scope();
  attempt([&] {
    if (statement.kind == Kind::set_initializer)
      scope.set_initializer(constant_initializer(*options.initializer));
    if (statement.kind == Kind::set_dtype) scope.set_dtype(*options.dtype);
    if (statement.kind == Kind::set_regularizer) scope.set_regularizer(regularizer_of(*options.regularizer));
    if (statement.kind == Kind::set_partitioner)
      scope.set_partitioner(options.partitioner ? partitioner_of(*options.partitioner) : Partitioner());
    if (statement.kind == Kind::set_custom_getter)
      scope.set_custom_getter(options.custom_getter ? custom_getter_of(*options.custom_getter)
                                                    : CustomGetter());
  });
}

void ScopeProgramRunner::run_get_variable(const ScopeStatement& statement) {
  const auto* dtype_of = find<Variable>(statement.options.dtype_of);
  if (!statement.options.dtype_of.empty() && dtype_of == nullptr) return print("skipped");
  attempt([&] {
    const SourceLocation place = where(statement);
    Variable variable;
    if (statement.kind == Kind::variable) {
      VariableOptions options;
      options.name = statement.options.name;
      options.trainable = statement.options.trainable;
      variable = Variable(Initializer(array_of(*statement.options.initial_value)), std::move(options), place);
    } else {
      GetVariableOptions options = variable_options(statement);
      if (dtype_of != nullptr) options.dtype = dtype_of->dtype();
      const std::string& name = statement.name;
      const std::optional<Shape>& shape = statement.shape;
      if (statement.kind == Kind::get_variable) {
        variable = shape ? get_variable(name, *shape, options, place) : get_variable(name, options, place);
      } else {
        variable = shape ? get_local_variable(name, *shape, options, place)
                         : get_local_variable(name, options, place);
      }
    }
    print_variable(variable);
    define(statement.options.as, variable);
  });
}

void ScopeProgramRunner::run_create_partitioned_variables(const ScopeStatement& statement) {
  attempt([&] {
    const ScopeOptions& options = statement.options;
    const Initializer initializer =
        options.initializer ? constant_initializer(*options.initializer) : Initializer();
    const std::vector<Variable> parts = create_partitioned_variables(
        statement.shape.value_or(Shape::unknown()), options.partitioner->numbers, initializer,
        {.dtype = options.dtype.value_or(DType::float32),
         .trainable = options.trainable,
         .collections = options.collections,
         .name = options.name,
         .reuse = options.reuse},
        where(statement));
    for (const Variable& part : parts) print_variable(part);
  });
}

void ScopeProgramRunner::run_partition_info(const ScopeStatement& statement) {
  attempt([&] {
    const PartitionInfo info(statement.shape.value_or(Shape::unknown()),
                             statement.options.partitioner->numbers);
    std::string line = "partition";
    if (const std::optional<Shape>& part = statement.options.part) {
      const std::optional<int> axis = info.single_slice_dim(*part);
      line += " axis=" + (axis ? std::to_string(*axis) : "none");
      line += " offset=" + std::to_string(info.single_offset(*part));
    }
    print(line);
  });
}

void ScopeProgramRunner::run_collection(const ScopeStatement& statement) {
  attempt([&] {
    std::string line = "collection";
    for (const CollectionItem& item : get_collection(statement.name, statement.options.collection_scope))
      line += " " + item.name();
    print(line);
  });
}

void ScopeProgramRunner::run_template(const ScopeStatement& statement) {
  attempt([&] {
    TemplateOptions options;
    options.create_scope_now = statement.options.create_scope_now;
    options.unique_name = statement.options.unique_name;
    std::function<void()> body = [this, &statement] {
      record_scope(get_variable_scope(), {});
      run_statements(statement.body, false);
    };
    define(statement.options.as, make_template(statement.name == "none" ? std::string() : statement.name,
                                               std::move(body), std::move(options), where(statement)));
  });
}

void ScopeProgramRunner::run_call(const ScopeStatement& statement) {
  const auto* found = find<BodyTemplate>(statement.name);
  if (found == nullptr) return print("skipped");
  const BodyTemplate called = *found;  // its body may take the identifier away
  const OpenBlock open(*this, statement);
  attempt([&] { called(); });
}

bool ScopeProgramRunner::attempt(const std::function<void()>& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    print("error " + std::string(error_name(error.code())));
    if (messages_ == Messages::show) {
      std::string_view message = error.what();
      while (!message.empty()) {
        const auto length = std::min(message.find('\n'), message.size());
        print("# " + std::string(message.substr(0, length)));
        message.remove_prefix(std::min(length + 1, message.size()));
      }
    }
    return false;
  }
}

Graph& ScopeProgramRunner::add_graph() {
  return graphs_.emplace_back().graph;
}

Constraint ScopeProgramRunner::constraint_named(const std::string& name) {
  for (const auto& [known, constraint] : constraints_)
    if (known == name) return constraint;
  return constraints_.emplace_back(name, Constraint([](const Tensor& value) { return value; })).second;
}

std::string ScopeProgramRunner::constraint_name(const Constraint& constraint) const {
  for (const auto& [name, known] : constraints_)
    if (known == constraint) return name;
  return "?";
}

VariableScopeOptions ScopeProgramRunner::scope_options(const ScopeStatement& statement) {
  VariableScopeOptions options;
  set_common_options(statement.options, options);
  options.default_name = statement.options.default_name;
  options.reuse = statement.options.reuse;
  options.auxiliary_name_scope = statement.options.auxiliary_name_scope;
  if (statement.options.constraint) options.constraint = constraint_named(*statement.options.constraint);
  return options;
}

GetVariableOptions ScopeProgramRunner::variable_options(const ScopeStatement& statement) {
  GetVariableOptions options;
  set_common_options(statement.options, options);
  if (statement.options.initial_value)
    options.initializer = Initializer(array_of(*statement.options.initial_value));
  if (statement.options.initial_value_function) {
    options.initializer =
        Initializer([value = array_of(*statement.options.initial_value_function)] { return value; });
  }
  options.trainable = statement.options.trainable;
  options.collections = statement.options.collections;
  if (statement.options.constraint) options.constraint = constraint_named(*statement.options.constraint);
  return options;
}

// The line of the program, so that varscope's messages name it.
SourceLocation ScopeProgramRunner::where(const ScopeStatement& statement) const noexcept {
  return SourceLocation::current(program_.file.c_str(), "", static_cast<unsigned>(statement.line));
}

void ScopeProgramRunner::record_scope(const VariableScope& scope, const std::string& prefix_before) {
  std::string prefix = current_name_scope();
  if (prefix == prefix_before) prefix.clear();
  opened_.push_back({&get_default_graph(), scope.name(), std::move(prefix)});
}

std::pair<ScopeProgramRunner::ReturnedVariable&, bool> ScopeProgramRunner::remember(
    const Variable& variable) {
  auto known = returned_.end();
  if (const void* record = variable.record()) {
    const auto [entry, added] = returned_records_.try_emplace(record, returned_.size());
    if (!added) known = returned_.begin() + static_cast<std::ptrdiff_t>(entry->second);
  } else {
    known = std::find_if(returned_.begin(), returned_.end(),
                         [&](const ReturnedVariable& returned) { return returned.variable == variable; });
  }
  if (known != returned_.end()) return {*known, false};
  return {returned_.emplace_back(ReturnedVariable{variable, 0}), true};
}

ScopeTree ScopeProgramRunner::tree() const {
  ScopeTree tree;
  std::unordered_map<const Graph*, std::size_t> number;
  for (const GraphOfProgram& graph : graphs_) number.emplace(&graph.graph, number.size());
  for (const OpenedScope& scope : opened_) tree.add_scope(number[scope.graph], scope.name, scope.op_prefix);
  for (const auto& [variable, times] : returned_) {
    if (times == 0) continue;
    std::string name = variable.name();
    name.resize(std::min(name.find(':'), name.size()));
    tree.add_variable(number[&variable.graph()], name,
                      {.name = {},
                       .dtype = std::string(dtype_name(variable.dtype())),
                       .shape = shape_text(variable.shape()),
                       .parts = variable.is_partitioned() ? variable.partitions().size() : 0,
                       .times = times});
  }
  return tree;
}

void ScopeProgramRunner::print(std::string_view line) {
  output_ += line;
  output_ += '\n';
}

void ScopeProgramRunner::print_scope(const VariableScope& scope) {
  std::string line = "scope " + scope.name() + " reuse=";
  line += reuse_text(scope.reuse());
  print(line + " ops=" + scope.original_name_scope());
}

void ScopeProgramRunner::print_variable(const Variable& variable) {
  const auto [returned, is_new] = remember(variable);
  ++returned.times;
  std::string line = (variable.is_partitioned() ? "partitioned " : "variable ") + variable.name() + " " +
                     std::string(dtype_name(variable.dtype())) + " " + shape_text(variable.shape()) +
                     (is_new ? " new" : " shared");
  if (variable.is_partitioned()) {
    std::string separator = " parts=";
    for (const Variable& part : variable.partitions()) {
      line += separator + part.name() + shape_text(part.shape());
      separator = ",";
      remember(part);
    }
  } else if (const Constraint& constraint = variable.constraint()) {
    line += " constraint=" + constraint_name(constraint);
  }
  print(line);
}

}  // namespace varscope::tools
