// SPDX-License-Identifier: Apache-2.0
// Graph: owns the operations and variables that a model is made of, and their names.
#pragma once

#include <varscope/export.hpp>
#include <varscope/tensor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {

class CollectionItem;
class Variable;

namespace detail {
class GraphState;
}

/// A model under construction. Every member may be called from any thread at any time, and none of them waits
/// for another thread. Operations, tensors, variables and sessions refer to their graph and must not outlive
/// it.
class VARSCOPE_API Graph {
 public:
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Makes a graph the default of the thread for as long as it lives. Leave in the reverse order of entering.
  class VARSCOPE_API AsDefault {
   public:
    explicit AsDefault(Graph& graph);
    ~AsDefault();
    AsDefault(const AsDefault&) = delete;
    AsDefault& operator=(const AsDefault&) = delete;

   private:
    Graph* graph_;
  };

  /// From here to the end of the returned guard, this thread builds into this graph. The thread is at the
  /// root variable scope of the graph, or where it was when it last left it (SEMANTICS V1, V2).
  [[nodiscard]] AsDefault as_default() { return AsDefault(*this); }

  /// Freezes the graph: from now on every creation of an operation or variable throws RuntimeError.
  void finalize() noexcept;
  bool finalized() const noexcept;

  /// All operations, in the order of their creation.
  std::vector<Operation> operations() const;
  /// Throws NotFoundError, with the nearest names, if there is no operation of that name.
  Operation get_operation_by_name(std::string_view name) const;
  /// "foo/add:0". Throws ValueError if it is not "name:index", NotFoundError if there is no such tensor.
  Tensor get_tensor_by_name(std::string_view name) const;

  /// `name` below the thread's current name scope if it is free, else `name_1`, `name_2`, ... without regard
  /// to letter case (TensorFlow's Graph.unique_name). With `mark_as_used` false nothing is reserved.
  std::string unique_name(std::string_view name, bool mark_as_used = true);

  /// Adds to the end of a collection (SEMANTICS T). Lock-free. Throws ValueError for an item of another
  /// graph.
  void add_to_collection(std::string_view name, const CollectionItem& item);
  /// The collection's items in the order of their addition; with a scope, those whose names match that
  /// regular expression (ECMAScript's syntax) at their start: "foo" matches "foo_bar/v" too, "foo/" does not.
  /// Throws ValueError for an expression that is none.
  std::vector<CollectionItem> get_collection(std::string_view name, std::string_view scope = {}) const;

  /// Differs from that of every other graph there ever was in this process.
  std::uint64_t id() const noexcept;

  /// All variables in "variables", in the order of their creation; with a scope, those whose names start
  /// with `scope` + "/" (an exact path prefix: "foo" does not match "foo_bar/v").
  std::vector<Variable> global_variables(std::string_view scope = {}) const;
  /// Those in "trainable_variables": what an optimizer trains.
  std::vector<Variable> trainable_variables(std::string_view scope = {}) const;
  /// Those in "local_variables".
  std::vector<Variable> local_variables(std::string_view scope = {}) const;

  /// The graph-level seed that operation and initializer seeds combine with (TensorFlow's set_random_seed).
  void set_random_seed(std::uint64_t seed) noexcept;
  std::optional<std::uint64_t> random_seed() const noexcept;

  detail::GraphState& state() const noexcept { return *state_; }

 private:
  std::unique_ptr<detail::GraphState> state_;
};

/// The graph that this thread builds into: the innermost as_default(), else one that belongs to the process.
VARSCOPE_API Graph& get_default_graph();

/// Sets the graph-level seed of the default graph.
VARSCOPE_API void set_random_seed(std::uint64_t seed);

/// The variables of the default graph, as the members of Graph of the same names.
VARSCOPE_API std::vector<Variable> global_variables(std::string_view scope = {});
VARSCOPE_API std::vector<Variable> trainable_variables(std::string_view scope = {});
VARSCOPE_API std::vector<Variable> local_variables(std::string_view scope = {});

}  // namespace varscope
