// SPDX-License-Identifier: Apache-2.0
// One operation measured as users run it, once its result agrees with the plain reference.
#pragma once

#include "benchmarks.hpp"

#include <varscope/varscope.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace varscope::perf {

struct OperationCase {
  std::string operation;
  std::string size;
  std::vector<Shape> feeds;
  std::function<Tensor(std::span<const Tensor>)> build;
  double floating_point_operations = 0;  // 0: bytes per second are the figure
};

/// What is fed to placeholder number `number`.
using FeedValues = Array (*)(const Shape& shape, std::uint32_t number);

/// One graph of one operation, its feeds, and an array for its result that is used again. Filters and
/// matrices are fed, and so packed in each run.
class OperationRun {
 public:
  OperationRun(const OperationCase& of, FeedValues values_of, int threads) {
    const auto building = graph_.as_default();
    std::vector<Tensor> inputs;
    for (const Shape& shape : of.feeds) {
      feeds_.push_back(values_of(shape, static_cast<std::uint32_t>(inputs.size())));
      inputs.push_back(placeholder(shape));
    }
    const Tensor result = of.build(inputs);
    session_ = std::make_unique<Session>(graph_, SessionOptions{.intra_op_parallelism_threads = threads});
    callable_.emplace(session_->make_callable(inputs, {result}));
  }

  void run() { callable_->run_into(feeds_, results_); }

  std::vector<float> values() const {
    const auto values = results_[0].values<float>();
    return {values.begin(), values.end()};
  }

  double bytes() const {
    double bytes = static_cast<double>(results_[0].num_bytes());
    for (const Array& feed : feeds_) bytes += static_cast<double>(feed.num_bytes());
    return bytes;
  }

 private:
  Graph graph_;
  std::unique_ptr<Session> session_;
  std::optional<Callable> callable_;
  std::vector<Array> feeds_;
  std::vector<Array> results_{1};
};

inline void run_case(benchmark::State& state, const OperationCase& of, FeedValues values_of,
                     const std::string& isa, int threads) {
  set_instruction_set("reference");
  OperationRun reference(of, values_of, threads);
  reference.run();
  set_instruction_set(isa);
  OperationRun measured(of, values_of, threads);
  measured.run();
  if (!agree(reference.values(), measured.values())) {
    state.SkipWithError("the result is wrong, so it has no speed");
    return;
  }
  for ([[maybe_unused]] auto _ : state) measured.run();
  if (of.floating_point_operations > 0) {
    state.counters["FLOP/s"] =
        benchmark::Counter(of.floating_point_operations, benchmark::Counter::kIsIterationInvariantRate);
  } else {
    state.counters["bytes/s"] =
        benchmark::Counter(measured.bytes(), benchmark::Counter::kIsIterationInvariantRate);
  }
}

}  // namespace varscope::perf
