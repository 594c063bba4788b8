// SPDX-License-Identifier: Apache-2.0
// make_template(): a function whose every call uses the same variables (TensorFlow 1.x's tf.make_template).
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/variable.hpp>
#include <varscope/variable_scope.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace varscope {

struct TemplateOptions {
  /// Takes the scope now, where the template is made, instead of at its first call.
  bool create_scope_now = false;
  /// Taken as it is instead of a name that is made unique: calls fail if its variables exist already.
  std::string unique_name = {};
  CustomGetter custom_getter = {};
};

namespace detail {

/// What the calls of a template share.
class VARSCOPE_API TemplateState {
 public:
  TemplateState(std::string name, TemplateOptions options, SourceLocation where);

  /// One call: the scope it runs in, open from begin to end.
  class VARSCOPE_API Call {
   public:
    explicit Call(TemplateState& state);
    /// Keeps, of the call that opened the template's scope, what the function has set on it.
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    /// Requires: the function has returned. Throws ValueError if it made a trainable variable although it was
    /// called before.
    void returned();

   private:
    VariableScopeGuard open();
    TemplateState& state_;
    VariableScopeGuard guard_;
    bool first_;
    bool opens_scope_;
    std::size_t trainable_before_;
  };

  const std::string& name() const noexcept { return name_; }
  const std::optional<VariableScope>& scope() const noexcept { return scope_; }
  const SourceLocation& where() const noexcept { return where_; }

  /// Throws the current exception again, with the place of the template's definition added if it is a
  /// ValueError, TypeError or RuntimeError (SEMANTICS TP9).
  [[noreturn]] void rethrow_with_place() const;

 private:
  friend class Call;
  /// By name: made unique, or as it is.
  VariableScopeGuard open_scope(VariableScopeOptions options) const;

  const std::string name_;
  const TemplateOptions options_;
  const SourceLocation where_;
  std::optional<VariableScope> scope_;
  bool called_ = false;
};

}  // namespace detail

/// A function with a variable scope of its own: its first call makes the variables, all later calls share
/// them (SEMANTICS 2.8). Copies are the same template. One call at a time; from any thread.
template <typename Function>
class Template {
 public:
  Template(Function function, std::shared_ptr<detail::TemplateState> state)
      : function_(std::move(function)), state_(std::move(state)) {}

  /// Calls the function in the template's scope. Throws what it throws; ValueError, naming the template's
  /// place, if a call after the first makes a trainable variable. A first call that throws is no call: the
  /// next one makes variables again, in the same scope.
  template <typename... Arguments>
  std::invoke_result_t<const Function&, Arguments...> operator()(Arguments&&... arguments) const {
    try {
      detail::TemplateState::Call call(*state_);
      if constexpr (std::is_void_v<std::invoke_result_t<const Function&, Arguments...>>) {
        function_(std::forward<Arguments>(arguments)...);
        call.returned();
      } else {
        auto result = function_(std::forward<Arguments>(arguments)...);
        call.returned();
        return result;
      }
    } catch (...) {
      state_->rethrow_with_place();
    }
  }

  const std::string& name() const noexcept { return state_->name(); }
  const Function& func() const noexcept { return function_; }
  /// nullopt before the first call, unless the scope was created with the template.
  const std::optional<VariableScope>& variable_scope() const noexcept { return state_->scope(); }
  /// Those below the template's scope; none before it has one.
  std::vector<Variable> global_variables() const {
    return variable_scope() ? variable_scope()->global_variables() : std::vector<Variable>{};
  }
  std::vector<Variable> trainable_variables() const {
    return variable_scope() ? variable_scope()->trainable_variables() : std::vector<Variable>{};
  }
  std::vector<Variable> local_variables() const {
    return variable_scope() ? variable_scope()->local_variables() : std::vector<Variable>{};
  }

 private:
  Function function_;
  std::shared_ptr<detail::TemplateState> state_;
};

/// Makes a template of a function. Its scope is called `name`, made unique as a default name is, in the scope
/// that is current at the first call (or now). Throws ValueError for an empty name.
template <typename Function>
Template<Function> make_template(std::string name, Function function, TemplateOptions options = {},
                                 SourceLocation where = SourceLocation::current()) {
  return Template<Function>(std::move(function), std::make_shared<detail::TemplateState>(
                                                     std::move(name), std::move(options), where));
}

}  // namespace varscope
