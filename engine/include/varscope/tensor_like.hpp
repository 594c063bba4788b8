// SPDX-License-Identifier: Apache-2.0
// TensorLike: whatever an operation accepts as an input: a Tensor, a Variable, a number or an Array.
#pragma once

#include <varscope/array.hpp>
#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/variable.hpp>

#include <concepts>
#include <variant>

namespace varscope {

/// An input of an operation. Made implicitly where an operation is called, and remembers that line, so that
/// even an operator (`conv + biases`) reports mistakes at the line that made them. A number takes the dtype
/// of the operation's other inputs and becomes a constant named after the parameter ("foo/add/x"), as in
/// TensorFlow.
class TensorLike {
 public:
  /// A number without a dtype of its own; `integral` numbers fit every dtype, others only floating ones.
  struct Number {
    double value;
    bool integral;
  };

  TensorLike(const Tensor& tensor, SourceLocation where = SourceLocation::current())  // NOLINT
      : value_(tensor), where_(where) {}
  TensorLike(const Variable& variable,
             SourceLocation where = SourceLocation::current())  // NOLINT
      : value_(variable), where_(where) {
    // Reading a partitioned or computed variable means a tensor, which is made once for each use.
    if (variable.is_partitioned() || (variable && variable.record() == nullptr)) value_ = variable.value();
  }
  TensorLike(const Array& array, SourceLocation where = SourceLocation::current())  // NOLINT
      : value_(array), where_(where) {}
  template <typename T>
  requires(std::integral<T> || std::floating_point<T>)
      TensorLike(T number, SourceLocation where = SourceLocation::current())  // NOLINT
      : value_(Number{static_cast<double>(number), std::integral<T>}), where_(where) {}

  const std::variant<Tensor, Variable, Array, Number>& value() const noexcept { return value_; }
  const SourceLocation& where() const noexcept { return where_; }

 private:
  std::variant<Tensor, Variable, Array, Number> value_;
  SourceLocation where_;
};

}  // namespace varscope
