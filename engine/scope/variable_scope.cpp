// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/names.hpp"
#include "scope/path.hpp"
#include "scope/scope_stack.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable_scope.hpp>

namespace varscope {

namespace detail {

/// Opens scopes on the stack of this thread in the default graph: everything is checked and computed first,
/// then done, so that an opening that throws leaves the stack as it was.
class ScopeOpening {
 public:
  explicit ScopeOpening(const SourceLocation& where)
      : graph_(get_default_graph().state()), stack_(scope_stack(graph_)), where_(where) {}

  /// E: a name below the current scope. `op_name` is what the name scope is asked to be called.
  VariableScopeGuard below(std::string_view name, std::string_view op_name,
                           const VariableScopeOptions& options) {
    const VariableScope& parent = stack_.variable_scope();
    VariableScope scope = inherit(parent, options);
    scope.name_ = parent.name().empty() ? std::string(name) : parent.name() + "/" + std::string(name);
    scope.name_hash_ = PathHash::of_scope(scope.name_).state();
    // Only a name can open a name scope; "" keeps the current one and is remembered as no scope (E6).
    if (options.auxiliary_name_scope.value_or(true)) {
      if (op_name.empty()) return enter(std::move(scope), ScopeStack::Entering::below, stack_.name_scope());
      const std::string opened = resolve(op_name);
      scope.original_name_scope_ = with_slash(opened);
      return enter(std::move(scope), ScopeStack::Entering::below, opened);
    }
    // Without a name scope nothing looks at the name before a variable is made in it, as in TensorFlow.
    scope.original_name_scope_ = stack_.name_scope().empty() ? "" : with_slash(stack_.name_scope());
    return enter(std::move(scope), ScopeStack::Entering::below, stack_.name_scope());
  }

  /// H: a copy of a captured scope, whatever the current one is.
  VariableScopeGuard jump(const VariableScope& captured, const VariableScopeOptions& options) {
    VariableScope scope = inherit(captured, options);
    scope.name_ = captured.name_;
    scope.name_hash_ = captured.name_hash_;
    scope.original_name_scope_ = captured.original_name_scope_;
    const std::string_view last_component = std::string_view(scope.name_).substr(scope.name_.rfind('/') + 1);
    std::string opened = stack_.name_scope();
    if (options.auxiliary_name_scope.value_or(false) && !last_component.empty()) {
      opened = resolve(std::string(last_component));
    }
    return enter(std::move(scope), ScopeStack::Entering::jump, std::move(opened));
  }

  /// J: a default name, made unique among the scopes opened in the current one.
  VariableScopeGuard by_default_name(const VariableScopeOptions& options) {
    if (options.default_name.empty()) {
      throw TypeError("variable_scope(nullopt) at " + to_string(where_) +
                      " needs a default_name; or give a name (name_or_scope in TensorFlow)");
    }
    if (options.reuse.has_value() && *options.reuse != Reuse(false)) {
      throw ValueError("variable_scope(nullopt, {.default_name = \"" + options.default_name + "\"}) at " +
                       to_string(where_) +
                       " cannot have a reuse flag: a name that is made unique cannot be found again. Give a "
                       "name (name_or_scope in TensorFlow)");
    }
    const std::string unique =
        stack_.counters().unique_default_name(stack_.variable_scope().name(), options.default_name);
    return below(unique, options.default_name, options);  // the op name is made unique by itself (J2b)
  }

  /// B: a name scope.
  NameScopeGuard name_scope(std::optional<std::string_view> name, std::string_view default_name) {
    const std::string_view wanted = name.has_value() ? *name : default_name;
    if (wanted.empty()) return NameScopeGuard(stack_, stack_.exchange_name_scope({}), {});
    std::string opened = resolve(wanted);
    std::string yielded = opened + "/";
    return NameScopeGuard(stack_, stack_.exchange_name_scope(std::move(opened)), std::move(yielded));
  }

 private:
  /// A scope with the flag and defaults of another where the options say nothing (E11, F3, H3, H11).
  static VariableScope inherit(const VariableScope& from, const VariableScopeOptions& options) {
    VariableScope scope;
    scope.reuse_ = options.reuse.value_or(false) != Reuse(false) ? *options.reuse : from.reuse_;
    scope.initializer_ = options.initializer ? options.initializer : from.initializer_;
    scope.dtype_ = options.dtype.value_or(from.dtype_);
    scope.regularizer_ = options.regularizer ? options.regularizer : from.regularizer_;
    scope.partitioner_ = options.partitioner ? options.partitioner : from.partitioner_;
    scope.custom_getter_ = chain(options.custom_getter, from.custom_getter_);
    scope.constraint_ = options.constraint;  // the one thing that is not inherited (P1)
    return scope;
  }

  /// Q2: the inner one is called first; what it calls is the outer one.
  static CustomGetter chain(const CustomGetter& inner, const CustomGetter& outer) {
    if (!inner) return outer;
    if (!outer) return inner;
    return [inner, outer](const VariableGetter& getter, GetterArguments arguments) {
      const VariableGetter next = [&outer, &getter](GetterArguments inner_arguments) {
        return outer(getter, std::move(inner_arguments));
      };
      return inner(next, std::move(arguments));
    };
  }

  static std::string with_slash(const std::string& name_scope) { return name_scope + "/"; }

  template <typename Check>
  void check(Check&& require_valid) const {
    try {
      require_valid();
    } catch (const ValueError& error) {
      throw ValueError(std::string(error.what()) + " (asked for at " + to_string(where_) + ")");
    }
  }

  /// The name scope, without its final "/", that a name opens below the current one (B1, B3, B4). Reserves
  /// it unless it is absolute. Requires: not empty.
  std::string resolve(std::string_view name) const {
    check([&] { require_valid_scope_name(name, stack_.name_scope().empty()); });
    if (name.back() == '/') return std::string(name.substr(0, name.size() - 1));
    return graph_.unique_name(stack_.qualify(name));
  }

  VariableScopeGuard enter(VariableScope scope, ScopeStack::Entering entering,
                           std::string opened_name_scope) {
    const std::uint64_t serial = stack_.enter(std::move(scope), entering, stack_.name_scope());
    stack_.exchange_name_scope(std::move(opened_name_scope));
    return VariableScopeGuard(stack_, stack_.variable_scope(), serial);
  }

  GraphState& graph_;
  ScopeStack& stack_;
  const SourceLocation where_;
};

}  // namespace detail

VariableScope::VariableScope() : name_hash_(detail::PathHash().state()) {}

VariableScope::VariableScope(Reuse reuse, std::string name)
    : name_(std::move(name)), name_hash_(detail::PathHash::of_scope(name_).state()), reuse_(reuse) {}

namespace {

std::vector<Variable> variables_of(const std::vector<CollectionItem>& items) {
  std::vector<Variable> variables;
  for (const CollectionItem& item : items) {
    if (const auto* const variable = std::get_if<Variable>(&item.value())) variables.push_back(*variable);
  }
  return variables;
}

}  // namespace

std::vector<CollectionItem> VariableScope::get_collection(std::string_view collection) const {
  return varscope::get_collection(collection, name_.empty() ? std::string() : name_ + "/");
}
std::vector<Variable> VariableScope::global_variables() const {
  return variables_of(get_collection(GraphKeys::GLOBAL_VARIABLES));
}
std::vector<Variable> VariableScope::trainable_variables() const {
  return variables_of(get_collection(GraphKeys::TRAINABLE_VARIABLES));
}
std::vector<Variable> VariableScope::local_variables() const {
  return variables_of(get_collection(GraphKeys::LOCAL_VARIABLES));
}

VariableScopeGuard::~VariableScopeGuard() {
  stack_->leave(serial_);
}

NameScopeGuard::~NameScopeGuard() {
  stack_->restore_name_scope(std::move(previous_));
}

VariableScopeGuard variable_scope(std::string_view name, VariableScopeOptions options, SourceLocation where) {
  return detail::ScopeOpening(where).below(name, name, options);
}

VariableScopeGuard variable_scope(const VariableScope& captured, VariableScopeOptions options,
                                  SourceLocation where) {
  return detail::ScopeOpening(where).jump(captured, options);
}

VariableScopeGuard variable_scope(std::nullopt_t, VariableScopeOptions options, SourceLocation where) {
  return detail::ScopeOpening(where).by_default_name(options);
}

VariableScope& get_variable_scope() {
  return detail::current_scope_stack().variable_scope();
}

NameScopeGuard name_scope(std::optional<std::string_view> name, std::string_view default_name,
                          SourceLocation where) {
  return detail::ScopeOpening(where).name_scope(name, default_name);
}

std::string current_name_scope() {
  const std::string& name = detail::current_scope_stack().name_scope();
  return name.empty() ? name : name + "/";
}

}  // namespace varscope
