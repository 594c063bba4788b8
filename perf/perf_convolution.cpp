// SPDX-License-Identifier: Apache-2.0
// Convolution layers: conv2d/<instruction set>/<layer>/threads:<n>, and conv2d/onednn/<layer>/threads:<n>
// beside. Each layer is compared with double precision before it is timed.
#include "benchmarks.hpp"
#include "conv_bench.hpp"
#include "onednn_convolution.hpp"

#include <varscope/error.hpp>
#include <varscope/instruction_set.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace varscope::perf {

namespace {

using tools::ConvLayer;
using tools::OneDnnConvolution;

void set_speed(benchmark::State& state, const ConvLayer& layer) {
  state.counters["FLOP/s"] =
      benchmark::Counter(layer.floating_point_operations(), benchmark::Counter::kIsIterationInvariantRate);
}

bool accurate(benchmark::State& state, const tools::ConvProblem& problem, const Array& output) {
  if (tools::ConvReference(problem).largest_error(output.values<float>()) <= tools::largest_error_allowed)
    return true;
  state.SkipWithError("the result is wrong, so it has no speed");
  return false;
}

void run_varscope(benchmark::State& state, const ConvLayer& layer, const std::string& isa, int threads) {
  set_instruction_set(isa);
  const tools::ConvProblem problem = make_conv_problem(layer);
  tools::VarscopeConvolution convolution(problem, "automatic", threads);
  convolution.run();
  if (!accurate(state, problem, convolution.output())) return;
  for ([[maybe_unused]] auto _ : state) convolution.run();
  set_speed(state, layer);
  state.SetLabel(convolution.algorithm());
}

void run_onednn(benchmark::State& state, const ConvLayer& layer, int threads) {
  const tools::ConvProblem problem = make_conv_problem(layer);
  OneDnnConvolution convolution(problem, OneDnnConvolution::Layout::any, threads);
  convolution.run();
  if (!accurate(state, problem, convolution.output())) return;
  for ([[maybe_unused]] auto _ : state) convolution.run();
  set_speed(state, layer);
  state.SetLabel(convolution.implementation());
}

}  // namespace

void register_benchmarks() {
  const char* given = std::getenv("VARSCOPE_PERF_LAYERS");
  const std::vector<ConvLayer> layers =
      tools::read_conv_layers(given != nullptr ? given : VARSCOPE_LAYER_FILE);
  const std::vector<int> thread_counts = measured_thread_counts();
  if (tools::onednn_available()) tools::limit_onednn_instruction_set(instruction_set());
  for (const ConvLayer& layer : layers) {
    for (const int threads : thread_counts) {
      const std::string suffix = "/" + layer.name + "/threads:" + std::to_string(threads);
      for (const std::string& isa : measured_instruction_sets())
        benchmark::RegisterBenchmark(("conv2d/" + isa + suffix).c_str(), [=](benchmark::State& state) {
          run_varscope(state, layer, isa, threads);
        })->UseRealTime();
      if (tools::onednn_available())
        benchmark::RegisterBenchmark(("conv2d/onednn" + suffix).c_str(), [=](benchmark::State& state) {
          run_onednn(state, layer, threads);
        })->UseRealTime();
    }
  }
}

}  // namespace varscope::perf
