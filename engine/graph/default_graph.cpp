// SPDX-License-Identifier: Apache-2.0
// The graph that a thread builds into.
#include <varscope/graph.hpp>

#include <algorithm>

namespace varscope {

namespace {

/// The graphs that this thread has made default and not left, innermost last.
std::vector<Graph*>& default_graphs() {
  thread_local std::vector<Graph*> graphs;
  return graphs;
}

}  // namespace

Graph::AsDefault::AsDefault(Graph& graph) : graph_(&graph) {
  default_graphs().push_back(graph_);
}

Graph::AsDefault::~AsDefault() {
  std::vector<Graph*>& graphs = default_graphs();
  // The innermost entry of this graph: another one only if guards are destroyed out of order.
  const auto entry = std::find(graphs.rbegin(), graphs.rend(), graph_);
  if (entry != graphs.rend()) graphs.erase(std::next(entry).base());
}

Graph& get_default_graph() {
  const std::vector<Graph*>& graphs = default_graphs();
  if (!graphs.empty()) return *graphs.back();
  // Never destroyed: threads and static objects may build into it until the process ends.
  static Graph* const graph_of_the_process = new Graph;
  return *graph_of_the_process;
}

}  // namespace varscope
