// SPDX-License-Identifier: Apache-2.0
// How the seed of a graph and that of an operation become the pair that random numbers are drawn with.
#pragma once

#include <varscope/initializer.hpp>

namespace varscope::detail {

class GraphState;

/// SEMANTICS 2.2: (graph seed, operation seed); an unset graph seed is 87654321, an unset operation seed the
/// number of operations made so far, both modulo 2^31 - 1, and (0, 0) becomes (0, 2^31 - 1). Neither set:
/// a pair that differs in each call and each process.
SeedPair combine_seeds(const GraphState& graph, Seed operation_seed);

}  // namespace varscope::detail
