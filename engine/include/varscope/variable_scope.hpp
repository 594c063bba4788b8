// SPDX-License-Identifier: Apache-2.0
// Variable scopes and name scopes: which variable a name means, whether it is made or shared, how it starts,
// and what operations are called. TensorFlow 1.x's rules; see docs/scopes.md for the idea.
#pragma once

#include <varscope/collection.hpp>
#include <varscope/constraint.hpp>
#include <varscope/custom_getter.hpp>
#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/flag.hpp>
#include <varscope/initializer.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/regularizer.hpp>
#include <varscope/reuse.hpp>
#include <varscope/source_location.hpp>
#include <varscope/variable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {

namespace detail {
class ScopeOpening;
class ScopeStack;
class TemplateState;
}  // namespace detail

/// What get_variable() is governed by: a name that becomes the prefix, a reuse flag and defaults. A value:
/// capture it, keep it, open it again anywhere and in any thread. Not for concurrent use of one object.
class VARSCOPE_API VariableScope {
 public:
  /// The root: empty name, not reusing, float32, no defaults.
  VariableScope();
  /// A scope made by hand (SEMANTICS H13); the name is checked when a variable is made in it.
  explicit VariableScope(Reuse reuse, std::string name = {});

  const std::string& name() const noexcept { return name_; }
  /// The op-name prefix of the first opening, with its final "/" ("" for the root or for a scope made by
  /// hand).
  const std::string& original_name_scope() const noexcept { return original_name_scope_; }
  Reuse reuse() const noexcept { return reuse_; }
  DType dtype() const noexcept { return dtype_; }
  const Initializer& initializer() const noexcept { return initializer_; }
  const Regularizer& regularizer() const noexcept { return regularizer_; }
  const Constraint& constraint() const noexcept { return constraint_; }
  const Partitioner& partitioner() const noexcept { return partitioner_; }
  const CustomGetter& custom_getter() const noexcept { return custom_getter_; }

  /// From now on get_variable() in this scope, and in scopes opened in it later, only finds variables. There
  /// is no way back but leaving the scope.
  void reuse_variables() noexcept { reuse_ = true; }
  void set_initializer(Initializer initializer) noexcept { initializer_ = std::move(initializer); }
  void set_dtype(DType dtype) noexcept { dtype_ = dtype; }
  void set_regularizer(Regularizer regularizer) noexcept { regularizer_ = std::move(regularizer); }
  void set_partitioner(Partitioner partitioner) noexcept { partitioner_ = std::move(partitioner); }
  void set_custom_getter(CustomGetter custom_getter) noexcept { custom_getter_ = std::move(custom_getter); }

  /// What the default graph has in a collection below this scope: names that match the regular expression
  /// `name() + "/"` at their start, all of them for the root (SEMANTICS T5; a '.' in a scope's name matches
  /// any character there, as in TensorFlow). Graph::global_variables(name()) asks for exactly this scope.
  std::vector<CollectionItem> get_collection(std::string_view collection) const;
  std::vector<Variable> global_variables() const;
  std::vector<Variable> trainable_variables() const;
  std::vector<Variable> local_variables() const;

  /// The running hash of the name: a lookup in this scope hashes only the rest of the path.
  std::uint64_t name_hash() const noexcept { return name_hash_; }

 private:
  friend class detail::ScopeOpening;
  friend class detail::TemplateState;
  std::string name_;
  std::string original_name_scope_;
  Initializer initializer_;
  Regularizer regularizer_;
  Constraint constraint_;
  Partitioner partitioner_;
  CustomGetter custom_getter_;
  std::uint64_t name_hash_;  // of the name and a "/", to be continued with the name of a variable
  Reuse reuse_ = false;
  DType dtype_ = DType::float32;
};

/// What variable_scope() may be told besides the name; unset members are inherited.
struct VariableScopeOptions {
  /// Used where no name is given; made unique among the scopes opened in the current one (SEMANTICS J).
  std::string default_name = {};
  Initializer initializer = {};
  std::optional<Reuse> reuse = std::nullopt;
  std::optional<DType> dtype = std::nullopt;
  /// Whether a name scope is opened too. Unset: yes for a name, no for a captured scope (as the tutorial has
  /// it).
  std::optional<Flag> auxiliary_name_scope = std::nullopt;
  Regularizer regularizer = {};
  /// Of this very scope: not inherited (SEMANTICS P1).
  Constraint constraint = {};
  Partitioner partitioner = {};
  /// Put in front of the inherited ones (SEMANTICS Q2).
  CustomGetter custom_getter = {};
};

/// An open variable scope: entered when made, left when destroyed, in the thread that made it.
class VARSCOPE_API VariableScopeGuard {
 public:
  VariableScopeGuard(const VariableScopeGuard&) = delete;
  VariableScopeGuard& operator=(const VariableScopeGuard&) = delete;
  /// Restores variable scope, name scope and default-name counters. noexcept; in debug builds an assertion
  /// fails if the guard is destroyed in another thread or out of order.
  ~VariableScopeGuard();

  /// The open scope itself; copy it to capture it.
  VariableScope& scope() noexcept { return *scope_; }
  const VariableScope& scope() const noexcept { return *scope_; }
  operator const VariableScope&() const noexcept { return scope(); }  // NOLINT(google-explicit-constructor)

  const std::string& name() const noexcept { return scope().name(); }
  const std::string& original_name_scope() const noexcept { return scope().original_name_scope(); }
  Reuse reuse() const noexcept { return scope().reuse(); }
  const Initializer& initializer() const noexcept { return scope().initializer(); }
  DType dtype() const noexcept { return scope().dtype(); }
  const Regularizer& regularizer() const noexcept { return scope().regularizer(); }
  const Constraint& constraint() const noexcept { return scope().constraint(); }
  const Partitioner& partitioner() const noexcept { return scope().partitioner(); }
  const CustomGetter& custom_getter() const noexcept { return scope().custom_getter(); }
  void reuse_variables() noexcept { scope().reuse_variables(); }
  void set_initializer(Initializer initializer) noexcept { scope().set_initializer(std::move(initializer)); }
  void set_dtype(DType dtype) noexcept { scope().set_dtype(dtype); }
  void set_regularizer(Regularizer regularizer) noexcept { scope().set_regularizer(std::move(regularizer)); }
  void set_partitioner(Partitioner partitioner) noexcept { scope().set_partitioner(std::move(partitioner)); }
  void set_custom_getter(CustomGetter getter) noexcept { scope().set_custom_getter(std::move(getter)); }

 private:
  friend class detail::ScopeOpening;
  VariableScopeGuard(detail::ScopeStack& stack, VariableScope& scope, std::uint64_t serial) noexcept
      : stack_(&stack), scope_(&scope), serial_(serial) {}

  detail::ScopeStack* stack_;
  VariableScope* scope_;
  std::uint64_t serial_;
};

/// Opens the scope `name` below the current one, and a name scope with it. Throws ValueError if the name is
/// not a valid scope name in its place. Lock-free.
[[nodiscard]] VARSCOPE_API VariableScopeGuard
variable_scope(std::string_view name, VariableScopeOptions options = {},
               SourceLocation where = SourceLocation::current());

/// Opens a copy of a captured scope: its name, its flag and defaults, wherever this is called (SEMANTICS H).
[[nodiscard]] VARSCOPE_API VariableScopeGuard
variable_scope(const VariableScope& captured, VariableScopeOptions options = {},
               SourceLocation where = SourceLocation::current());

/// Opens a scope named by `options.default_name`, made unique. Throws TypeError without a default name,
/// ValueError with a reuse flag (a name that is made unique cannot be found again).
[[nodiscard]] VARSCOPE_API VariableScopeGuard variable_scope(
    std::nullopt_t, VariableScopeOptions options, SourceLocation where = SourceLocation::current());

/// The innermost open scope of this thread in the default graph; the root scope if none is open. The
/// reference is valid until that scope is left; copy it to capture it.
VARSCOPE_API VariableScope& get_variable_scope();

/// An open name scope: prefixes the names of operations, never of variables.
class VARSCOPE_API NameScopeGuard {
 public:
  NameScopeGuard(const NameScopeGuard&) = delete;
  NameScopeGuard& operator=(const NameScopeGuard&) = delete;
  ~NameScopeGuard();

  /// The prefix with its final "/", or "" at the root. Given to name_scope() again it re-enters exactly this
  /// scope.
  const std::string& name() const noexcept { return name_; }
  operator const std::string&() const noexcept { return name_; }  // NOLINT(google-explicit-constructor)

 private:
  friend class detail::ScopeOpening;
  NameScopeGuard(detail::ScopeStack& stack, std::string previous, std::string name) noexcept
      : stack_(&stack), previous_(std::move(previous)), name_(std::move(name)) {}

  detail::ScopeStack* stack_;
  std::string previous_;
  std::string name_;
};

/// Opens `name` below the current name scope, made unique. A final "/" means exactly that scope; "" or
/// nullopt without a default name means the root; nullopt with a default name means that name. Throws
/// ValueError if the name is not a valid scope name in its place. Lock-free. (SEMANTICS B)
[[nodiscard]] VARSCOPE_API NameScopeGuard name_scope(std::optional<std::string_view> name,
                                                     std::string_view default_name = {},
                                                     SourceLocation where = SourceLocation::current());

/// The op-name prefix in force, with its final "/", or "" at the root.
VARSCOPE_API std::string current_name_scope();

/// "a/v" from "s/a/v" and the scope "s" or "s/": for names that leave their scope, as keys of a part of a
/// model do (tf.train.export_meta_graph's export_scope). A name outside the scope, and any name if the scope
/// is empty, comes back as it is. A "^" or "loc:@" in front is kept. (SEMANTICS A10)
VARSCOPE_API std::string strip_name_scope(std::string_view name, std::string_view export_scope);
/// The inverse: "s/a/v" from "a/v" and the scope "s" or "s/".
VARSCOPE_API std::string prepend_name_scope(std::string_view name, std::string_view import_scope);

}  // namespace varscope
