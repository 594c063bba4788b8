// SPDX-License-Identifier: Apache-2.0
// Variable and get_variable(): values that live across runs, owned by their name.
#pragma once

#include <varscope/constraint.hpp>
#include <varscope/custom_getter.hpp>
#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/initializer.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/regularizer.hpp>
#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace varscope {

class Session;

namespace detail {
class VariableRecord;
class PartitionedRecord;
}  // namespace detail

/// What Variable's constructor may be told besides the initial value and the shape.
struct VariableOptions {
  /// Below the current name scope, made unique; empty: "Variable".
  std::string name = {};
  /// Unset: that of an initial value, else float32.
  std::optional<DType> dtype = std::nullopt;
  bool trainable = true;
  /// Unset: "variables".
  std::optional<std::vector<std::string>> collections = std::nullopt;
  Constraint constraint = {};
};

/// A variable of a graph. A handle, valid as long as its Graph; two handles are equal if they are the same
/// variable. The value belongs to a Session. Const, hence thread-safe.
///
/// Where a scope has a partitioner or a custom getter, get_variable() may also give a partitioned variable,
/// or one that was computed. Both are used like any other where a tensor is wanted; what only a single
/// variable has (op(), initializer(), load()) throws FailedPreconditionError on a partitioned one, and on a
/// computed one all that is not a tensor's.
class VARSCOPE_API Variable {
 public:
  /// Refers to nothing; every other member throws FailedPreconditionError on it.
  Variable() = default;
  explicit Variable(const detail::VariableRecord& record) noexcept : record_(&record) {}
  explicit Variable(const detail::PartitionedRecord& record) noexcept : partitioned_(&record) {}

  /// What a custom getter computed from variables, given as one: value() is this tensor, name() its name.
  explicit Variable(const Tensor& computed) noexcept : computed_(computed) {}

  /// Makes a variable of the default graph that nobody shares: get_variable() never finds it, and its name
  /// comes from the *name* scope, as with TensorFlow's tf.Variable. Throws ValueError for an invalid name, a
  /// shape that is not fully known, or an initializer that cannot make it; then nothing has been made.
  /// Lock-free.
  Variable(Initializer initializer, Shape shape, VariableOptions options = {},
           SourceLocation where = SourceLocation::current());
  /// The same from a value, which has a shape of its own.
  explicit Variable(Initializer initial_value, VariableOptions options = {},
                    SourceLocation where = SourceLocation::current());

  explicit operator bool() const noexcept {
    return record_ != nullptr || partitioned_ != nullptr || computed_;
  }

  /// "conv1/weights:0"; of a partitioned one "conv1/weights".
  std::string name() const;
  /// The variable's own operation; its name is the key of the variable in checkpoints: "conv1/weights".
  Operation op() const;
  const Shape& shape() const;
  DType dtype() const;
  bool trainable() const;
  Graph& graph() const;
  /// The line of the user's program that made it.
  const SourceLocation& where() const;
  /// Empty if it has none.
  const Constraint& constraint() const;

  /// Whether it consists of parts.
  bool is_partitioned() const noexcept { return partitioned_ != nullptr; }
  /// Its parts in order, each a variable; a variable that is not partitioned is its own only part.
  std::vector<Variable> partitions() const;
  /// The partitioned variable that it is a part of; refers to nothing if it is no part.
  Variable partitioned_variable() const;
  /// Where it lies in that. Throws FailedPreconditionError if it is no part.
  PartitionInfo partition_info() const;

  /// The tensor that reads it, "conv1/weights/read:0": what an operation gets that is given the variable. Of
  /// a partitioned one the parts put together, by operations that each call adds: "conv1/weights:0", then
  /// "conv1/weights_1:0" (SEMANTICS R3).
  Tensor value() const;
  operator Tensor() const {
    return value();
  }  // NOLINT(google-explicit-constructor): used as a tensor everywhere

  /// The operation that sets it to its initial value again.
  Operation initializer() const;

  /// Its value in the default session of this thread. Throws ValueError if there is none.
  Array eval() const;

  /// Sets its value in `session`. Throws InvalidArgumentError, naming wanted and given, if shape or dtype
  /// differ.
  void load(Array value, Session& session) const;

  friend bool operator==(const Variable&, const Variable&) = default;

  const detail::VariableRecord* record() const noexcept { return record_; }

 private:
  /// The record; throws FailedPreconditionError that the variable has no `what` if it is not a single one.
  const detail::VariableRecord& single(const char* what) const;

  const detail::VariableRecord* record_ = nullptr;
  const detail::PartitionedRecord* partitioned_ = nullptr;
  Tensor computed_;
};

/// What get_variable() may be told besides name and shape; unset members come from the current variable
/// scope.
struct GetVariableOptions {
  std::optional<DType> dtype = std::nullopt;
  Initializer initializer = {};
  bool trainable = true;
  Regularizer regularizer = {};
  Constraint constraint = {};
  Partitioner partitioner = {};
  /// Replaces those of the scope (SEMANTICS Q3).
  CustomGetter custom_getter = {};
  /// The collections that it is in, besides "trainable_variables" if it is trainable. Unset: "variables".
  std::optional<std::vector<std::string>> collections = std::nullopt;
};

/// Makes the variable `name` of the current variable scope, or returns it, as the scope's reuse flag says
/// (SEMANTICS C and D). Throws ValueError: an existing name where the scope does not reuse, a missing one
/// where it does, a shape or dtype that differs from the existing variable's, a shape that is not fully known
/// on creation, an invalid name. The message names the full path, both source lines and the nearest names. A
/// call that throws has made nothing. Of several threads that create one path exactly one does; the others
/// behave as if they had come later. Lock-free.
VARSCOPE_API Variable get_variable(std::string_view name, Shape shape, GetVariableOptions options = {},
                                   SourceLocation where = SourceLocation::current());

namespace detail {
VARSCOPE_API Variable get_variable(std::string_view name, std::optional<Shape> shape,
                                   GetVariableOptions options, SourceLocation where);
VARSCOPE_API Variable get_local_variable(std::string_view name, std::optional<Shape> shape,
                                         GetVariableOptions options, SourceLocation where);
}  // namespace detail

/// The same without a shape: on creation the initializer must be a value; on reuse every shape agrees. (A
/// template so that `get_variable("v", {})` means a scalar and not this.)
template <typename Options = GetVariableOptions>
Variable get_variable(std::string_view name, Options options = {},
                      SourceLocation where = SourceLocation::current()) {
  return detail::get_variable(name, std::nullopt, std::move(options), where);
}

/// A variable that is not trained and not in "variables" but in "local_variables", which a Saver leaves out;
/// found by get_variable() like any other (SEMANTICS T7). Throws what get_variable() throws.
VARSCOPE_API Variable get_local_variable(std::string_view name, Shape shape, GetVariableOptions options = {},
                                         SourceLocation where = SourceLocation::current());
template <typename Options = GetVariableOptions>
Variable get_local_variable(std::string_view name, Options options = {},
                            SourceLocation where = SourceLocation::current()) {
  return detail::get_local_variable(name, std::nullopt, std::move(options), where);
}

/// Replaces what these variables start with, of all of them at once: whatever initializes several of them
/// sees either all of the new initializers or none. They count for every initialization in any session that
/// begins after the call, on first use or by initializer(); values that are there stay. What the operations
/// of initializers are called does not change. A variable that has been replaced before is replaced again.
/// Throws ValueError for variables of different graphs, a variable given twice, an empty initializer or one
/// that cannot make the variable (TypeError as get_variable() does), FailedPreconditionError for a
/// partitioned variable (give its parts) or a computed one; then nothing has changed. Lock-free.
VARSCOPE_API void set_initializers(const std::vector<std::pair<Variable, Initializer>>& initializers);

/// An operation that sets these variables, of partitioned ones their parts, to their initial values in one
/// commit; with none it does nothing. In the graph of the variables, or the default one. Variables that are
/// not initialized this way are so on first use. Throws ValueError for variables of different graphs,
/// FailedPreconditionError for a computed one, RuntimeError if the graph is finalized.
VARSCOPE_API Operation variables_initializer(const std::vector<Variable>& variables,
                                             std::string_view name = "init",
                                             SourceLocation where = SourceLocation::current());
/// The same, called "init", for those of the default graph that are now in "variables"
/// ("local_variables").
VARSCOPE_API Operation global_variables_initializer(SourceLocation where = SourceLocation::current());
VARSCOPE_API Operation local_variables_initializer(SourceLocation where = SourceLocation::current());

}  // namespace varscope
