// SPDX-License-Identifier: Apache-2.0
#include "scope/seeds.hpp"

#include "graph/graph_state.hpp"

#include <varscope/philox.hpp>

#include <atomic>
#include <random>

namespace varscope::detail {

namespace {

SeedPair nondeterministic_seeds() {
  static const std::uint64_t of_the_process = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
  }();
  static std::atomic<std::uint64_t> calls{0};
  const std::uint64_t call = calls.fetch_add(1, std::memory_order_relaxed);  // relaxed: only that they differ
  const Philox::Block block = Philox(of_the_process)(call, 0);
  return {(std::uint64_t{block[0]} << 32U) | block[1], (std::uint64_t{block[2]} << 32U) | block[3]};
}

}  // namespace

SeedPair combine_seeds(const GraphState& graph, Seed operation_seed) {
  constexpr std::uint64_t modulus = (std::uint64_t{1} << 31U) - 1;
  constexpr std::uint64_t default_graph_seed = 87654321;
  const std::optional<std::uint64_t> graph_seed = graph.random_seed();
  if (!graph_seed.has_value() && !operation_seed.has_value()) return nondeterministic_seeds();
  const SeedPair pair{graph_seed.value_or(default_graph_seed) % modulus,
                      operation_seed.value_or(graph.operations().size()) % modulus};
  return pair.first == 0 && pair.second == 0 ? SeedPair{0, modulus} : pair;
}

}  // namespace varscope::detail
