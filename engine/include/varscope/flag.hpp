// SPDX-License-Identifier: Apache-2.0
// Flag: true or false, and nothing that C++ would convert to it.
#pragma once

#include <concepts>

namespace varscope {

/// Made from a bool alone: a text or a number where a flag belongs does not compile (in TensorFlow it is a
/// TypeError).
class Flag {
 public:
  template <std::same_as<bool> Bool>
  constexpr Flag(Bool value) noexcept  // NOLINT(google-explicit-constructor): `.auxiliary_name_scope = true`
      : value_(value) {}
  constexpr operator bool() const noexcept { return value_; }  // NOLINT(google-explicit-constructor)

 private:
  bool value_;
};

}  // namespace varscope
