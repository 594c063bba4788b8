// SPDX-License-Identifier: Apache-2.0
// SlotVariables: the variables that an optimizer or a moving average keeps beside those of the model.
#pragma once

#include <varscope/array.hpp>
#include <varscope/graph.hpp>
#include <varscope/initializer.hpp>
#include <varscope/source_location.hpp>
#include <varscope/variable.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace varscope::detail {

/// What a slot starts with, from the variable that it is made for.
using SlotInitializer = std::function<Initializer(const Variable& primary)>;

/// A variable named `name`, made unique, wherever this is called: no scope, reuse flag, partitioner or getter
/// counts, only the creators of the thread. Not trainable, in "variables".
Variable make_root_variable(Graph& graph, std::string name, const Shape& shape, DType dtype,
                            const Initializer& initializer, const SourceLocation& where);

/// Belongs to one thread at a time. Keeps nothing of a graph alive: what was made for a graph that is gone is
/// never found again.
class SlotVariables {
 public:
  /// The slot `slot` of `primary`, made if it is missing, of its shape and dtype, as
  /// "<primary's op name>/<variable_name>". For a part of a partitioned variable those of all its parts are
  /// made, and are parts of "<partitioned variable's name>/<variable_name>" (SEMANTICS OP6).
  Variable get_or_make(const Variable& primary, std::string_view slot, const std::string& variable_name,
                       const SlotInitializer& initializer, const SourceLocation& where);

  /// The slot of a tensor of known shape, from 0, named after its operation.
  Variable get_or_make(const Tensor& primary, const std::string& variable_name, const SourceLocation& where);

  /// Empty if there is none.
  Variable find(const Variable& primary, std::string_view slot) const;
  Variable find(const Tensor& primary) const;
  std::vector<std::string> slot_names() const;

  /// A scalar that belongs to no variable: "beta1_power".
  Variable get_or_make_scalar(Graph& graph, const std::string& name, const Array& initial_value,
                              const SourceLocation& where);

  /// All of one graph, in the order of creation.
  std::vector<Variable> variables(const Graph& graph) const;

 private:
  /// Graph, primary (a variable's record, a tensor's operation, none) and slot.
  using Key = std::tuple<std::uint64_t, const void*, std::string>;

  static Key key_of(const Variable& primary, std::string_view slot);
  static Key key_of(const Tensor& primary);
  Variable find(const Key& key) const;
  void keep(Key key, const Variable& variable);

  std::map<Key, Variable> by_key_;
  std::vector<std::pair<std::uint64_t, Variable>> in_order_;
};

}  // namespace varscope::detail
