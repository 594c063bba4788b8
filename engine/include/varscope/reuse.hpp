// SPDX-License-Identifier: Apache-2.0
// Reuse: the flag of a variable scope.
#pragma once

#include <concepts>

namespace varscope {

/// Whether get_variable() makes variables, finds them, or does either.
class Reuse {
 public:
  enum class Mode : unsigned char { no, yes, automatic };

  constexpr Reuse() noexcept = default;
  /// From a bool alone: a number does not compile.
  template <std::same_as<bool> Bool>
  constexpr Reuse(Bool reuse) noexcept  // NOLINT(google-explicit-constructor): `.reuse = true`
      : mode_(reuse ? Mode::yes : Mode::no) {}
  constexpr explicit Reuse(Mode mode) noexcept : mode_(mode) {}
  constexpr Mode mode() const noexcept { return mode_; }
  friend constexpr bool operator==(Reuse, Reuse) = default;

 private:
  Mode mode_ = Mode::no;
};

/// Makes a variable if it is missing, shares it if it exists.
inline constexpr Reuse AUTO_REUSE{Reuse::Mode::automatic};

}  // namespace varscope
