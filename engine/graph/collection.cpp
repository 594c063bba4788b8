// SPDX-License-Identifier: Apache-2.0
#include "graph/collection_member.hpp"
#include "graph/graph_state.hpp"
#include "scope/variable_record.hpp"

#include <varscope/collection.hpp>
#include <varscope/error.hpp>
#include <varscope/graph.hpp>

#include <algorithm>
#include <regex>

namespace varscope {

namespace {

/// Which names get_collection() gives: those that match a regular expression at their start (SEMANTICS T4).
class NameFilter {
 public:
  explicit NameFilter(std::string_view expression) : prefix_(expression) {
    constexpr std::string_view special = ".*+?()[]{}|^$\\";
    if (expression.find_first_of(special) == std::string_view::npos)
      return;  // the usual case: a plain prefix
    try {
      expression_.emplace(std::string(expression), std::regex::ECMAScript);
    } catch (const std::regex_error&) {
      throw ValueError(
          "get_collection(): the scope '" + std::string(expression) +
          "' is not a regular expression; put a backslash before a character that is meant as it "
          "is, or ask Graph::global_variables() for exactly one scope");
    }
  }

  bool accepts(const std::string& name) const {
    if (!expression_) return name.starts_with(prefix_);
    return std::regex_search(name, *expression_, std::regex_constants::match_continuous);
  }

 private:
  std::string prefix_;
  std::optional<std::regex> expression_;
};

/// Calls `visit(CollectionItem)` for what the collection has, in the order of addition.
template <typename Visit>
void for_each_item(const detail::GraphState& graph, std::string_view collection, Visit&& visit) {
  graph.collection_members().for_each([&](const detail::CollectionMember& member) {
    if (member.variable != nullptr) {
      if (member.variable->in_collection(collection)) visit(CollectionItem(Variable(*member.variable)));
    } else if (member.collection == collection) {
      visit(*member.item);
    }
  });
}

/// Whether `name` lies below the scope: "foo" holds "foo/v" and not "foo_bar/v".
bool in_scope(std::string_view name, std::string_view scope) {
  return name.size() > scope.size() && name.starts_with(scope) && name[scope.size()] == '/';
}

std::vector<Variable> variables_in(const detail::GraphState& graph, std::string_view collection,
                                   std::string_view scope) {
  std::vector<Variable> variables;
  for_each_item(graph, collection, [&](const CollectionItem& item) {
    const auto* const variable = std::get_if<Variable>(&item.value());
    if (variable != nullptr && (scope.empty() || in_scope(variable->name(), scope)))
      variables.push_back(*variable);
  });
  return variables;
}

}  // namespace

std::string CollectionItem::name() const {
  return std::visit([](const auto& value) { return std::string(value.name()); }, value_);
}

Graph& CollectionItem::graph() const {
  return std::visit([](const auto& value) -> Graph& { return value.graph(); }, value_);
}

void Graph::add_to_collection(std::string_view name, const CollectionItem& item) {
  if (&item.graph() != this) {
    throw ValueError("'" + item.name() + "' cannot be added to the collection '" + std::string(name) +
                     "': it belongs to another graph");
  }
  state_->add_to_collection(
      std::make_unique<detail::CollectionMember>(detail::CollectionMember{nullptr, std::string(name), item}));
}

std::vector<CollectionItem> Graph::get_collection(std::string_view name, std::string_view scope) const {
  const NameFilter filter(scope);
  std::vector<CollectionItem> items;
  for_each_item(*state_, name, [&](const CollectionItem& item) {
    if (scope.empty() || filter.accepts(item.name())) items.push_back(item);
  });
  return items;
}

std::vector<Variable> Graph::global_variables(std::string_view scope) const {
  return variables_in(*state_, GraphKeys::GLOBAL_VARIABLES, scope);
}
std::vector<Variable> Graph::trainable_variables(std::string_view scope) const {
  return variables_in(*state_, GraphKeys::TRAINABLE_VARIABLES, scope);
}
std::vector<Variable> Graph::local_variables(std::string_view scope) const {
  return variables_in(*state_, GraphKeys::LOCAL_VARIABLES, scope);
}

void add_to_collection(std::string_view name, const CollectionItem& item) {
  get_default_graph().add_to_collection(name, item);
}
std::vector<CollectionItem> get_collection(std::string_view name, std::string_view scope) {
  return get_default_graph().get_collection(name, scope);
}
std::vector<Variable> global_variables(std::string_view scope) {
  return get_default_graph().global_variables(scope);
}
std::vector<Variable> trainable_variables(std::string_view scope) {
  return get_default_graph().trainable_variables(scope);
}
std::vector<Variable> local_variables(std::string_view scope) {
  return get_default_graph().local_variables(scope);
}

}  // namespace varscope
