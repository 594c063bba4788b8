// SPDX-License-Identifier: Apache-2.0
// Measures one convolution layer as users run it, with a peer beside it.
#pragma once

#include "conv_problem.hpp"

#include <varscope/graph.hpp>
#include <varscope/session.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace varscope::tools {

/// relu(conv2d(input, weights) + biases) as a user writes it: a graph, variables, a session, a callable that
/// writes into arrays that are used again. Not for use by several threads at once.
class VarscopeConvolution {
 public:
  /// `algorithm` as Conv2DOptions has it. The first run() plans, packs the filter and throws
  /// UnimplementedError if the algorithm cannot do the layer.
  VarscopeConvolution(const ConvProblem& problem, const std::string& algorithm, int threads);

  void run() { callable_->run_into(feeds_, results_); }
  const Array& output() const { return results_[0]; }

  /// What the plan chose: "direct".
  std::string algorithm() const;

 private:
  Graph graph_;
  std::unique_ptr<Session> session_;
  std::optional<Callable> callable_;
  std::vector<Array> feeds_;
  std::vector<Array> results_;
};

/// For ConvBenchOptions::algorithm: every algorithm that can do the layer, and which of them the plan picks.
inline constexpr const char* all_algorithms = "all";

struct ConvBenchOptions {
  std::string algorithm = "automatic";  // or all_algorithms
  int threads = 1;
  bool peer = false;     // oneDNN too
  double seconds = 1.0;  // for the turns of one layer
};

struct ConvMeasurement {
  std::string name;
  std::string algorithm;
  bool picked = false;  // it is what "automatic" chooses
  std::string isa;
  int threads = 1;
  double ms = 0;                      // median of one run
  double gflops = 0;                  // of the operations that the layer has, whatever the algorithm does
  double max_error = 0;               // ConvReference::largest_error
  std::int64_t checked_pixels = 0;    // how many output pixels that was taken over
  std::int64_t pixels = 0;            // of how many
  double peak_gflops = 0;             // of multiply-adds alone, on all threads; 0 if unknown
  std::optional<double> peer_gflops;  // the faster of the peer's two layouts
  std::string peer_layout;            // which one that was
  double peer_max_error = 0;
};

/// Computes the layer once with each algorithm asked for and on the peer's side and compares with double
/// precision, then takes the time of all of them in turns. One measurement an algorithm, the picked one
/// first. Throws DataLossError, naming the layer, if one is wrong by more than `largest_error_allowed`: a
/// wrong result has no speed; UnimplementedError if the one algorithm asked for cannot do the layer.
std::vector<ConvMeasurement> measure_conv_layer(const ConvLayer& layer, const ConvBenchOptions& options);

/// In units of the output's root mean square. Sums of some thousand float32 products in any order stay well
/// below it, and so does the transformed arithmetic of Winograd; a wrong tap does not.
inline constexpr double largest_error_allowed = 1e-3;

}  // namespace varscope::tools
