// SPDX-License-Identifier: Apache-2.0
// SharedFunction: a function of the caller's as a value. What regularizers, constraints, partitioners and
// custom getters are made of.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace varscope {

template <typename Signature>
class SharedFunction;

/// An immutable value that may be empty; copies are cheap and refer to the same function. Whatever thread
/// opens the scope or asks for the variable calls it, so a function that several threads reach must be safe
/// to call from them.
template <typename Result, typename... Arguments>
class SharedFunction<Result(Arguments...)> {
 public:
  /// None: inherit, or do without.
  SharedFunction() = default;

  template <typename Function>
  requires(!std::derived_from<std::remove_cvref_t<Function>, SharedFunction> &&
           std::is_invocable_r_v<Result, const std::remove_cvref_t<Function>&, Arguments...>)
      SharedFunction(
          Function&& function)  // NOLINT(google-explicit-constructor): a lambda in an options struct
      : function_(
            std::make_shared<const std::function<Result(Arguments...)>>(std::forward<Function>(function))) {}

  explicit operator bool() const noexcept { return function_ != nullptr; }

  /// Requires: not empty. Throws what the function throws.
  Result operator()(Arguments... arguments) const {
    return (*function_)(std::forward<Arguments>(arguments)...);
  }

  /// Same object (as Python's `is`).
  friend bool operator==(const SharedFunction&, const SharedFunction&) = default;

 private:
  std::shared_ptr<const std::function<Result(Arguments...)>> function_;
};

}  // namespace varscope
