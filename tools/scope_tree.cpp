// SPDX-License-Identifier: Apache-2.0
#include "scope_tree.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <utility>

namespace varscope::tools {

namespace {

constexpr std::size_t kDeepestPath = 200;

// As Graphviz reads a string between double quotes.
std::string dot_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') quoted += '\\';
    quoted += character;
  }
  return quoted + "\"";
}

// Lines of a label; "\n" is Graphviz's own line break.
std::string dot_label(const std::vector<std::string>& lines) {
  std::string label;
  for (const std::string& line : lines) {
    const std::string quoted = dot_quoted(line);
    label += (label.empty() ? "" : "\\n") + quoted.substr(1, quoted.size() - 2);
  }
  return "\"" + label + "\"";
}

class DotWriter {
 public:
  std::string text = "digraph scopes {\n  rankdir=LR;\n  node [fontname=\"monospace\", fontsize=10];\n";

  // Writes a scope with all that is in it; its name in the picture is given back.
  std::string add(const ScopeTree::Node& node) {
    const std::string id = next_id();
    std::vector<std::string> lines = {node.name};
    for (const std::string& prefix : node.op_prefixes) lines.push_back("ops " + prefix);
    text +=
        "  " + id + " [shape=box, style=filled, fillcolor=\"#e8f0fb\", label=" + dot_label(lines) + "];\n";
    for (const ScopeTree::Leaf& leaf : node.variables) {
      const std::string variable = next_id();
      text += "  " + variable + " [shape=box, style=\"rounded,filled\", fillcolor=\"" +
              (leaf.times > 1 ? "#fff2cc" : "#ffffff") +
              "\", label=" + dot_label({leaf.name, description(leaf)}) + "];\n";
      text += "  " + id + " -> " + variable + " [arrowhead=none];\n";
    }
    for (const ScopeTree::Node& scope : node.scopes) {
      const std::string inner = add(scope);
      text += "  " + id + " -> " + inner + ";\n";
    }
    return id;
  }

 private:
  std::string next_id() { return "n" + std::to_string(next_++); }
  std::size_t next_ = 0;
};

}  // namespace

ScopeTree::Node& ScopeTree::node_at(std::size_t graph, std::string_view path) {
  if (static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) >= kDeepestPath)
    throw ResourceExhaustedError("a picture shows at most " + std::to_string(kDeepestPath) +
                                 " scopes inside each other");
  if (graphs_.size() <= graph) graphs_.resize(graph + 1);
  Node* node = &graphs_[graph];
  while (!path.empty()) {
    const auto length = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, length);
    path.remove_prefix(std::min(length + 1, path.size()));
    auto child = std::find_if(node->scopes.begin(), node->scopes.end(),
                              [&](const Node& candidate) { return candidate.name == name; });
    if (child == node->scopes.end()) child = node->scopes.insert(child, Node{std::string(name), {}, {}, {}});
    node = &*child;
  }
  return *node;
}

void ScopeTree::add_scope(std::size_t graph, std::string_view path, std::string_view op_prefix) {
  std::vector<std::string>& prefixes = node_at(graph, path).op_prefixes;
  if (!op_prefix.empty() && std::find(prefixes.begin(), prefixes.end(), op_prefix) == prefixes.end())
    prefixes.emplace_back(op_prefix);
}

void ScopeTree::add_variable(std::size_t graph, std::string_view path, Leaf leaf) {
  const auto slash = path.rfind('/');
  leaf.name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  node_at(graph, slash == std::string_view::npos ? std::string_view() : path.substr(0, slash))
      .variables.push_back(std::move(leaf));
}

std::vector<ScopeTree::Node> ScopeTree::roots() const {
  std::vector<Node> roots;
  for (std::size_t graph = 0; graph < graphs_.size(); ++graph) {
    const Node& root = graphs_[graph];
    if (root.variables.empty() && root.scopes.empty()) continue;
    roots.push_back(root);
    roots.back().name = "graph " + std::to_string(graph + 1);
  }
  if (roots.empty()) roots.emplace_back();
  if (roots.size() == 1) roots.front().name = "(root)";
  return roots;
}

std::string description(const ScopeTree::Leaf& leaf) {
  std::string text = leaf.dtype + " " + leaf.shape;
  if (leaf.parts > 0) text += ", " + std::to_string(leaf.parts) + (leaf.parts == 1 ? " part" : " parts");
  if (leaf.times > 1) text += ", returned " + std::to_string(leaf.times) + " times";
  return text;
}

std::string to_dot(const ScopeTree& tree) {
  DotWriter writer;
  for (const ScopeTree::Node& root : tree.roots()) writer.add(root);
  return writer.text + "}\n";
}

}  // namespace varscope::tools
