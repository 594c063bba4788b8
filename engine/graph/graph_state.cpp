// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"

#include "graph/collection_member.hpp"
#include "scope/partitioned_record.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>

namespace varscope::detail {

namespace {

std::uint64_t next_graph_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: only that ids differ
}

/// The owner of names that nobody will ask for again.
constexpr char kReserved = 0;

}  // namespace

GraphState::GraphState(Graph& graph)
    : graph_(&graph), id_(next_graph_id()), lifetime_(std::make_shared<char>()) {}

GraphState::~GraphState() {
  collection_members_.for_each([](const CollectionMember& member) {
    if (member.variable == nullptr) delete &member;
  });
  // In the order of creation, in which they lie in memory: that of the registry is random, and deleting would
  // wait for memory several times for each.
  operations_.for_each([&](const OperationNode& node) {
    if (Registry<>::Entry* const entry = registry_.find(Path(node.name()))) entry->forget_operation();
    delete &node;
  });
  registry_.for_each([](Registry<>::Entry& entry) {
    delete entry.operation();  // that did not get as far as the list
    if (entry.owns_variable()) delete entry.variable();
    delete entry.partitioned();
  });
  unshared_.for_each([](VariableRecord& record) { delete &record; });
}

std::string GraphState::unique_name(std::string_view name, bool mark_as_used) {
  const std::string key = lower_case(name);
  const auto take = [&](const std::string& candidate) {
    const Path path(candidate);
    if (mark_as_used) {
      Registry<>::Entry& entry = registry_.find_or_insert(path);
      return entry.name_owner() == nullptr && entry.try_claim_name(&kReserved);
    }
    const Registry<>::Entry* const entry = registry_.find(path);
    return entry == nullptr || entry->name_owner() == nullptr;
  };
  if (take(key)) return std::string(name);
  Registry<>::Entry& base = registry_.find_or_insert(Path(key));
  for (std::uint32_t suffix = base.suffix_hint();; ++suffix) {
    const std::string ending = "_" + std::to_string(suffix);
    if (!take(key + ending)) continue;
    base.set_suffix_hint(mark_as_used ? suffix + 1 : suffix);
    return std::string(name) + ending;
  }
}

const OperationNode& GraphState::add(std::unique_ptr<OperationNode> node) {
  require_not_finalized("operation '" + node->name() + "'");
  const OperationNode* const registered =
      registry_.find_or_insert(Path(node->name())).set_operation(node.get());
  if (registered != node.get()) {
    throw ValueError("operation '" + node->name() + "' (" + std::string(node->definition()->type()) +
                     ", made at " + to_string(node->where()) +
                     "): the graph has an operation of exactly that name already, " + describe(*registered) +
                     ". A name that ends in '/' is taken as it is; leave the '/' away to "
                     "have it made unique");
  }
  node.release();  // owned by the registry from here on
  operations_.push(registered);
  return *registered;
}

void GraphState::add_to_collection(std::unique_ptr<const CollectionMember> member) {
  collection_members_.push(member.get());
  member.release();  // owned by this object from here on
}

VariableRecord& GraphState::adopt(std::unique_ptr<VariableRecord> variable) {
  unshared_.push(variable.get());
  return *variable.release();
}

const OperationNode* GraphState::find_operation(std::string_view name) const noexcept {
  const Registry<>::Entry* const entry = registry_.find(Path(name));
  return entry == nullptr ? nullptr : entry->operation();
}

NearestNames GraphState::nearest_operation_names(std::string_view name) const {
  NearestNames nearest(name);
  operations_.for_each([&](const OperationNode& node) { nearest.consider(node.name()); });
  return nearest;
}

void GraphState::require_not_finalized(std::string_view what) const {
  if (!finalized()) return;
  throw RuntimeError(std::string(what) +
                     " cannot be made: the graph is finalized. Build everything before Graph::finalize()");
}

void GraphState::set_random_seed(std::uint64_t seed) noexcept {
  random_seed_.store(seed, std::memory_order_relaxed);
  has_random_seed_.store(true, std::memory_order_release);
}

std::optional<std::uint64_t> GraphState::random_seed() const noexcept {
  if (!has_random_seed_.load(std::memory_order_acquire)) return std::nullopt;
  return random_seed_.load(std::memory_order_relaxed);
}

}  // namespace varscope::detail
