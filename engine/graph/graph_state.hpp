// SPDX-License-Identifier: Apache-2.0
// GraphState: what a Graph consists of: its names, its operations and its variables.
#pragma once

#include "graph/operation_node.hpp"
#include "scope/append_only_list.hpp"
#include "scope/names.hpp"
#include "scope/registry.hpp"
#include "scope/replaced_initializers.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace varscope {
class Graph;
}

namespace varscope::detail {

struct CollectionMember;
class VariableRecord;

/// Every member may be called from any thread at any time and is lock-free (but for memory allocation) unless
/// it says otherwise.
///
/// Invariants:
///   1. The registry owns nodes and shared variables: what an entry points to is deleted with this object.
///      The lists put them in order of creation. `unshared_` owns the variables that no entry points to, and
///      those that creators made (RegistryEntry::owns_variable()).
///   2. A node is in the registry before it is in the list, and the nodes of its inputs are in both by then.
///   3. Names are never given back.
class GraphState {
 public:
  explicit GraphState(Graph& graph);
  ~GraphState();
  GraphState(const GraphState&) = delete;
  GraphState& operator=(const GraphState&) = delete;

  Graph& graph() const noexcept { return *graph_; }

  /// Differs from that of every other graph there ever was in this process.
  std::uint64_t id() const noexcept { return id_; }
  /// Expires with the graph: for those who keep something for it (the scope stacks of threads).
  std::weak_ptr<const void> lifetime() const noexcept { return lifetime_; }

  Registry<>& registry() noexcept { return registry_; }
  const AppendOnlyList<const OperationNode>& operations() const noexcept { return operations_; }
  AppendOnlyList<const OperationNode>& operations() noexcept { return operations_; }
  const AppendOnlyList<const VariableRecord>& variables() const noexcept { return variables_; }
  AppendOnlyList<const VariableRecord>& variables() noexcept { return variables_; }

  /// What variables start with instead of what they were made with.
  const ReplacedInitializers& replaced_initializers() const noexcept { return replaced_initializers_; }
  ReplacedInitializers& replaced_initializers() noexcept { return replaced_initializers_; }

  /// What was added to collections, in that order. A variable's own member belongs to its record, the others
  /// to this object.
  const AppendOnlyList<const CollectionMember>& collection_members() const noexcept {
    return collection_members_;
  }
  AppendOnlyList<const CollectionMember>& collection_members() noexcept { return collection_members_; }
  /// Adds an item. Requires: not a new variable's own member.
  void add_to_collection(std::unique_ptr<const CollectionMember> member);

  /// `name` if it is free, else the first free one of `name_1`, `name_2`, ..., without regard to letter case,
  /// in the letters given; reserved unless `mark_as_used` is false (SEMANTICS A2 to A5). `name` is a full
  /// name: no scope is put in front.
  std::string unique_name(std::string_view name, bool mark_as_used = true);

  /// Reserves the first free one of `name`, `name_1`, ... for `owner`, or gives the one that `owner` has
  /// reserved by this function before; `accept(const std::string&)` may refuse a name that was reserved, and
  /// must give the same answer for ever. Several threads that do this for one owner get one name.
  template <typename Accept>
  std::string claim_name_for(const void* owner, std::string_view name, Accept&& accept) {
    const std::string key = lower_case(name);
    for (std::uint32_t suffix = 0;; ++suffix) {
      const std::string ending = suffix == 0 ? std::string() : "_" + std::to_string(suffix);
      Registry<>::Entry& entry = registry_.find_or_insert(Path(key + ending));
      if (!entry.try_claim_name(owner) && entry.name_owner() != owner) continue;
      std::string candidate = std::string(name) + ending;
      if (accept(candidate)) return candidate;
    }
  }

  /// Registers the node under its exact name and appends it. Throws ValueError if there is an operation of
  /// exactly that name (SEMANTICS A6), naming both lines, RuntimeError if the graph is finalized.
  const OperationNode& add(std::unique_ptr<OperationNode> node);

  /// Owns a variable from now on that no entry of the registry owns.
  VariableRecord& adopt(std::unique_ptr<VariableRecord> variable);

  /// The operation of exactly that name, or nullptr. Wait-free.
  const OperationNode* find_operation(std::string_view name) const noexcept;

  /// The names of operations that are nearest to `name`, for messages.
  NearestNames nearest_operation_names(std::string_view name) const;

  void finalize() noexcept { finalized_.store(true, std::memory_order_relaxed); }
  bool finalized() const noexcept { return finalized_.load(std::memory_order_relaxed); }
  /// Throws RuntimeError that names `what` could not be made if the graph is finalized.
  void require_not_finalized(std::string_view what) const;

  void set_random_seed(std::uint64_t seed) noexcept;
  std::optional<std::uint64_t> random_seed() const noexcept;

 private:
  Graph* const graph_;
  const std::uint64_t id_;
  const std::shared_ptr<const void> lifetime_;
  Registry<> registry_;
  AppendOnlyList<const OperationNode> operations_;
  AppendOnlyList<const VariableRecord> variables_;
  AppendOnlyList<VariableRecord> unshared_;
  AppendOnlyList<const CollectionMember> collection_members_;
  ReplacedInitializers replaced_initializers_;
  // relaxed: a creation that runs at the same time as finalize() may be before or after it.
  std::atomic<bool> finalized_{false};
  // The flag is stored after the seed (release) and read before it (acquire).
  std::atomic<std::uint64_t> random_seed_{0};
  std::atomic<bool> has_random_seed_{false};
};

}  // namespace varscope::detail
