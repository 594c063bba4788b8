// SPDX-License-Identifier: Apache-2.0
// ScopeTree: which scopes were opened and which variables are in them, and pictures of that.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

class ScopeTree {
 public:
  struct Leaf {
    std::string name;  // its last component
    std::string dtype;
    std::string shape;
    std::size_t parts = 0;  // 0: one variable, not partitioned
    int times = 1;          // how often it was returned
  };
  struct Node {
    std::string name;                      // the scope's last component; what the picture calls a root
    std::vector<std::string> op_prefixes;  // each once, in the order of their opening
    std::vector<Leaf> variables;
    std::vector<Node> scopes;
  };

  /// A scope of the graph with that number, and the op-name prefix that was opened with it ("": none). Throws
  /// ResourceExhaustedError for a path of more components than a picture shows; so does add_variable().
  void add_scope(std::size_t graph, std::string_view path, std::string_view op_prefix);
  /// A variable; `leaf.name` is taken from the path.
  void add_variable(std::size_t graph, std::string_view path, Leaf leaf);

  /// One for each graph that has anything; one without content if none has.
  std::vector<Node> roots() const;

 private:
  Node& node_at(std::size_t graph, std::string_view path);

  std::vector<Node> graphs_;
};

/// "float32 [3,3]", with what else there is to know of a variable: "2 parts", "returned 3 times".
std::string description(const ScopeTree::Leaf& leaf);

/// For Graphviz: `dot -Tpng`.
std::string to_dot(const ScopeTree& tree);

/// A drawing of its own, for browsers: the tree from left to right.
std::string to_svg(const ScopeTree& tree);

}  // namespace varscope::tools
