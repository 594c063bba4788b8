// SPDX-License-Identifier: Apache-2.0
#include "scope/replaced_initializers.hpp"

#include "graph/graph_state.hpp"
#include "scope/initializer_body.hpp"
#include "scope/seeds.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <string>
#include <utility>

namespace varscope {

namespace detail {

ReplacedInitializers::~ReplacedInitializers() {
  const Commit* commit = newest_.load(std::memory_order_relaxed);  // relaxed: no other thread is left
  while (commit != nullptr) delete std::exchange(commit, commit->before);
}

void ReplacedInitializers::commit(Replacements replacements) {
  auto fresh = std::make_unique<Commit>(Commit{std::move(replacements)});
  // relaxed: compared below, and not looked into by this thread.
  const Commit* before = newest_.load(std::memory_order_relaxed);
  do {
    fresh->before = before;
    // release: publishes the commit, and with it those before, which form one chain of releases (each is the
    // head of the release sequence that the next exchange continues). relaxed on failure: tried again.
  } while (!newest_.compare_exchange_weak(before, fresh.get(), std::memory_order_release,
                                          std::memory_order_relaxed));
  fresh.release();  // owned by the list from here on
}

InitialValue ReplacedInitializers::View::of(const VariableRecord& variable) const noexcept {
  for (const Commit* commit = newest_; commit != nullptr; commit = commit->before) {
    const auto found = commit->replacements.find(&variable);
    if (found != commit->replacements.end()) return found->second;
  }
  return {variable.initializer(), variable.seeds()};
}

}  // namespace detail

namespace {

/// "variable conv1/weights (made at model.cpp:12)".
std::string describe(const Variable& variable) {
  return "variable " + variable.op().name() + " (made at " + to_string(variable.where()) + ")";
}

void require_suitable(const Variable& variable, const Initializer& initializer) {
  if (!initializer) throw ValueError(describe(variable) + ": the new initializer is empty; give one");
  try {
    initializer.body()->check(variable.shape(), variable.dtype());
  } catch (const ValueError& error) {
    throw ValueError(describe(variable) + ": " + error.what());
  } catch (const TypeError& error) {
    throw TypeError(describe(variable) + ": " + error.what());
  }
}

/// As when a variable is made, but that no operation is made which would tell one from the next.
SeedPair seeds_of(const Variable& variable, const detail::InitializerBody& body) {
  if (!body.random()) return {};
  const detail::GraphState& graph = variable.graph().state();
  Seed seed = body.seed();
  if (!seed && graph.random_seed()) seed = graph.operations().size() + variable.record()->index();
  return detail::combine_seeds(graph, seed);
}

}  // namespace

void set_initializers(const std::vector<std::pair<Variable, Initializer>>& initializers) {
  if (initializers.empty()) return;
  detail::ReplacedInitializers::Replacements replacements;
  Graph* const graph = &initializers.front().first.graph();
  for (const auto& [variable, initializer] : initializers) {
    if (variable.record() == nullptr) (void)variable.initializer();  // says what it is instead
    if (&variable.graph() != graph) {
      throw ValueError("cannot replace initializers in two graphs at once: " + describe(variable) +
                       " is not in the graph of " + describe(initializers.front().first));
    }
    require_suitable(variable, initializer);
    const SeedPair seeds = seeds_of(variable, *initializer.body());
    if (!replacements.emplace(variable.record(), detail::InitialValue{initializer, seeds}).second) {
      throw ValueError(describe(variable) + ": two new initializers are given for it; give one");
    }
  }
  graph->state().replaced_initializers().commit(std::move(replacements));
}

}  // namespace varscope
