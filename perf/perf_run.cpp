// SPDX-License-Identifier: Apache-2.0
// What is paid besides arithmetic: building a graph, planning its first run, and each warm run.
#include "benchmarks.hpp"

#include <varscope/varscope.hpp>

#include <benchmark/benchmark.h>

#include <memory>

namespace varscope::perf {

namespace {

// A chain of additions after a placeholder: arithmetic of a few nanoseconds each.
Tensor chain(const Tensor& input, std::int64_t operations) {
  Tensor value = input;
  for (std::int64_t at = 0; at < operations; ++at) value = at % 2 == 0 ? relu(value) : add(value, input);
  return value;
}

void build_graph(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    auto graph = std::make_unique<Graph>();
    {
      const auto building = graph->as_default();
      benchmark::DoNotOptimize(chain(placeholder({4}), state.range(0)));
    }
    state.PauseTiming();
    graph.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void build_variables(benchmark::State& state) {
  std::vector<std::string> layers;
  for (std::int64_t at = 0; at < state.range(0); ++at) layers.push_back("layer" + std::to_string(at));
  for ([[maybe_unused]] auto _ : state) {
    Graph graph;
    const auto building = graph.as_default();
    for (const std::string& layer : layers) {
      const auto scope = variable_scope(layer);
      benchmark::DoNotOptimize(get_variable("weights", {4, 4}));
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void first_run(benchmark::State& state) {
  const Array feed(Shape{4});
  Graph graph;
  const auto building = graph.as_default();
  const Tensor input = placeholder({4});
  const Tensor output = chain(input, state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    Session session(graph, {.intra_op_parallelism_threads = 1});
    benchmark::DoNotOptimize(session.run({{input, feed}}, output));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void warm_callable(benchmark::State& state) {
  Graph graph;
  const auto building = graph.as_default();
  const Tensor input = placeholder({4});
  const Tensor output = chain(input, state.range(0));
  Session session(graph, {.intra_op_parallelism_threads = 1});
  const Callable callable = session.make_callable({input}, {output});
  const std::vector<Array> feeds{Array(Shape{4})};
  std::vector<Array> results(1);
  for ([[maybe_unused]] auto _ : state) callable.run_into(feeds, results);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void warm_session_run(benchmark::State& state) {
  Graph graph;
  const auto building = graph.as_default();
  const Tensor input = placeholder({4});
  const Tensor output = chain(input, state.range(0));
  Session session(graph, {.intra_op_parallelism_threads = 1});
  const FeedDict feeds{{input, Array(Shape{4})}};
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(session.run(feeds, output));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

void register_benchmarks() {
  benchmark::RegisterBenchmark("build_graph/operations", build_graph)
      ->Arg(20)
      ->Arg(1000)
      ->Arg(10000)
      ->Arg(100000);
  benchmark::RegisterBenchmark("build_variables/variables", build_variables)->Arg(20)->Arg(1000);
  benchmark::RegisterBenchmark("first_run/operations", first_run)->Arg(20)->Arg(1000);
  benchmark::RegisterBenchmark("warm_callable/operations", warm_callable)->Arg(1)->Arg(20)->Arg(1000);
  benchmark::RegisterBenchmark("warm_session_run/operations", warm_session_run)->Arg(1)->Arg(20)->Arg(1000);
}

}  // namespace varscope::perf
