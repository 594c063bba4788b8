// SPDX-License-Identifier: Apache-2.0
// VariableRecord: what a Variable handle points to.
#pragma once

#include "graph/collection_member.hpp"
#include "graph/operation_node.hpp"
#include "scope/append_only_list.hpp"

#include <varscope/constraint.hpp>
#include <varscope/dtype.hpp>
#include <varscope/initializer.hpp>
#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::detail {

class GraphState;
class PartitionedRecord;

/// How a shared variable is born: get_variable() checks everything, makes a record, and sets it into the
/// registry entry of its path; the one thread whose record gets there has made the variable. What is left to
/// do (names, operations, places in the lists of the graph) is done by complete(), by every thread that finds
/// the record before it is complete, so that a thread that stops in the middle stops nobody.
///
/// Invariants:
///   1. What the constructor was given never changes.
///   2. A node is set once; all threads that complete the record agree on it, since they try the same names
///      in the same order and names are decided once (GraphState::claim_name_for, RegistryEntry).
///   3. After complete() returns, in any thread, all of it is there and never changes.
///   4. The partitioned variable that it is a part of is set at most once, before anybody is given that one.
class VariableRecord {
 public:
  /// What get_variable() decides.
  struct Definition {
    std::string key;  ///< scope + "/" + name: the path by which a shared variable is found
    Shape shape;
    DType dtype = DType::float32;
    Initializer initializer;
    SeedPair seeds;
    bool trainable = true;
    SourceLocation where;
    std::vector<std::string> collections;  ///< besides "trainable_variables" if trainable
    Constraint constraint;
  };

  VariableRecord(GraphState& graph, Definition definition);
  VariableRecord(const VariableRecord&) = delete;
  VariableRecord& operator=(const VariableRecord&) = delete;

  GraphState& graph() const noexcept { return *graph_; }
  const std::string& key() const noexcept { return definition_.key; }
  const Shape& shape() const noexcept { return definition_.shape; }
  DType dtype() const noexcept { return definition_.dtype; }
  /// What it was made with. What it starts with is for GraphState::replaced_initializers() to say.
  const Initializer& initializer() const noexcept { return definition_.initializer; }
  SeedPair seeds() const noexcept { return definition_.seeds; }
  bool trainable() const noexcept { return definition_.trainable; }
  const SourceLocation& where() const noexcept { return definition_.where; }
  const Constraint& constraint() const noexcept { return definition_.constraint; }
  bool in_collection(std::string_view name) const noexcept;

  /// The partitioned variable that it is a part of, or nullptr. acquire: that one is whole (release below).
  const PartitionedRecord* part_of() const noexcept { return part_of_.load(std::memory_order_acquire); }
  /// Const, since every thread that is given the partitioned variable makes sure that its parts know it. The
  /// first call decides: a creator may have given one variable for the parts of two.
  void set_part_of(const PartitionedRecord& whole) const noexcept {
    const PartitionedRecord* expected = nullptr;
    // release: publishes the whole; relaxed on failure: the value is not looked at.
    part_of_.compare_exchange_strong(expected, &whole, std::memory_order_release, std::memory_order_relaxed);
  }

  /// Gives the variable its operations and its places in the graph's lists, or helps whoever is doing so.
  /// Lock-free. Throws std::bad_alloc; then the next thread goes on from there.
  void complete();

  // All that follow require: complete() has returned in this thread, or the record came from a list.

  /// "conv1/weights"; differs from the key if another operation had the name first (SEMANTICS C6).
  const std::string& op_name() const noexcept { return node().name(); }
  /// `w`, `w/Initializer/<kind>` or `w/initial_value`, `w/Assign` and `w/read`.
  const OperationNode& node() const noexcept { return *settled(variable); }
  const OperationNode& initial_value_node() const noexcept { return *settled(initial_value); }
  const OperationNode& assign_node() const noexcept { return *settled(assign); }
  const OperationNode& read_node() const noexcept { return *settled(read); }

  /// The place in GraphState::variables(): unique in the graph, in order of creation, below
  /// variables().size().
  std::size_t index() const noexcept { return index_.load(std::memory_order_acquire); }

 private:
  /// In order of creation (SEMANTICS C3).
  enum Part { initial_value, variable, assign, read };
  static constexpr int kParts = 4;
  static constexpr std::size_t kNoPosition = AppendOnlyList<const VariableRecord>::no_position;

  // acquire: the node was made, or seen whole, by the thread that set it (release in settle()).
  const OperationNode* settled(Part part) const noexcept {
    return nodes_[part].load(std::memory_order_acquire);
  }
  const OperationNode& settle(Part part, const std::string& name, bool literally, std::vector<Tensor> inputs);
  std::shared_ptr<const OpDefinition> definition_of(Part part) const;
  void settle_nodes();
  void append();

  GraphState* const graph_;
  const Definition definition_;
  std::atomic<const OperationNode*> nodes_[kParts] = {};
  std::atomic<std::size_t> positions_[kParts];
  const CollectionMember member_;
  std::atomic<std::size_t> member_position_{kNoPosition};
  std::atomic<std::size_t> index_{kNoPosition};
  std::atomic<bool> complete_{false};
  mutable std::atomic<const PartitionedRecord*> part_of_{nullptr};
};

}  // namespace varscope::detail
