// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/scope_stack.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/template.hpp>

#include <exception>

namespace varscope::detail {

TemplateState::TemplateState(std::string name, TemplateOptions options, SourceLocation where)
    : name_(std::move(name)), options_(std::move(options)), where_(where) {
  if (name_.empty()) throw ValueError("make_template() at " + to_string(where_) + " needs a name");
  if (!options_.create_scope_now) return;
  // The variable scope alone (TP5): a name scope opens with each call. TensorFlow's scope is opened without
  // the surrounding dtype, hence TP14.
  const std::string parent = get_variable_scope().name();
  scope_ = open_scope({.dtype = DType::float32, .auxiliary_name_scope = false}).scope();
  // As in TensorFlow, where such a scope knows no name scope but the name that it was opened with.
  scope_->original_name_scope_ = parent.empty() ? scope_->name() : scope_->name().substr(parent.size() + 1);
}

VariableScopeGuard TemplateState::open_scope(VariableScopeOptions options) const {
  options.custom_getter = options_.custom_getter;
  if (!options_.unique_name.empty()) return variable_scope(options_.unique_name, std::move(options), where_);
  options.default_name = name_;
  return variable_scope(std::nullopt, std::move(options), where_);
}

TemplateState::Call::Call(TemplateState& state)
    : state_(state),
      guard_(open()),
      first_(!state.called_),
      opens_scope_(!state.scope_),
      trainable_before_(first_ ? 0 : trainable_variables().size()) {
  if (opens_scope_) state_.scope_ = guard_.scope();
}

TemplateState::Call::~Call() {
  if (!opens_scope_) return;
  try {
    state_.scope_ = guard_.scope();
  } catch (...) {
    // Out of memory: it stays as it was opened.
  }
}

/// The first call that fixes the scope opens it by name (TP1); all others are captured openings that share,
/// but for a first call whose scope is there already (TP8).
VariableScopeGuard TemplateState::Call::open() {
  if (!state_.scope_) return state_.open_scope({});
  VariableScopeOptions options;
  options.auxiliary_name_scope = true;
  if (state_.called_) options.reuse = true;
  return variable_scope(*state_.scope_, std::move(options), state_.where_);
}

void TemplateState::Call::returned() {
  state_.called_ = true;
  if (first_ || trainable_variables().size() == trainable_before_) return;
  throw ValueError(
      "Trainable variable created when calling a template after the first time, perhaps you used "
      "a Variable when you meant get_variable(): " +
      trainable_variables().back().name());
}

void TemplateState::rethrow_with_place() const {
  const auto with_place = [&](const Error& error) {
    return std::string(error.what()) + " (in the template '" + name_ + "', defined at " + to_string(where_) +
           ")";
  };
  try {
    throw;
  } catch (const ValueError& error) {
    throw ValueError(with_place(error));
  } catch (const TypeError& error) {
    throw TypeError(with_place(error));
  } catch (const RuntimeError& error) {
    throw RuntimeError(with_place(error));
  }
}

}  // namespace varscope::detail
