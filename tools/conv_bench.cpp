// SPDX-License-Identifier: Apache-2.0
#include "conv_bench.hpp"

#include "interleaved_timing.hpp"
#include "onednn_convolution.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/instruction_set.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/variable.hpp>

#include <functional>
#include <sstream>

namespace varscope::tools {

namespace {

void require_accurate(const ConvLayer& layer, const std::string& side, double error) {
  if (error <= largest_error_allowed) return;
  std::ostringstream message;
  message << "layer '" << layer.name << "': " << side << " is wrong by " << error
          << " of the output's root mean square, more than the " << largest_error_allowed
          << " allowed; it was not timed";
  throw DataLossError(message.str());
}

const char* layout_name(OneDnnConvolution::Layout layout) {
  return layout == OneDnnConvolution::Layout::nhwc ? "nhwc" : "own layout";
}

}  // namespace

VarscopeConvolution::VarscopeConvolution(const ConvProblem& problem, const std::string& algorithm,
                                         int threads)
    : feeds_{problem.input}, results_(1) {
  const ConvLayer& layer = problem.layer;
  const auto building = graph_.as_default();
  const int stride = static_cast<int>(layer.stride);
  const int dilation = static_cast<int>(layer.dilation);
  const Tensor input = placeholder(layer.input_shape(), {.name = "input"});
  const Variable weights = get_variable("weights", {.initializer = Initializer(problem.filter)});
  const Variable biases = get_variable("biases", {.initializer = Initializer(problem.bias)});
  const Tensor convolution =
      conv2d(input, weights,
             {.strides = {1, stride, stride, 1},
              .padding = layer.padding == ConvPadding::same ? Padding::same : Padding::valid,
              .dilations = {1, dilation, dilation, 1},
              .algorithm = algorithm});
  const Tensor output = relu(convolution + biases);
  session_ = std::make_unique<Session>(graph_, SessionOptions{.intra_op_parallelism_threads = threads});
  callable_ = session_->make_callable({input}, {output});
}

std::string VarscopeConvolution::algorithm() const {
  const std::vector<PlanStep> steps = callable_->plan_steps(feeds_);
  const std::string kernel = steps.empty() ? std::string() : steps.front().kernel;
  return kernel.empty() ? "unknown" : kernel.substr(0, kernel.find(' '));
}

namespace {

using Contenders = std::vector<std::unique_ptr<VarscopeConvolution>>;

// The convolutions to measure, each run once; the plan's own choice first.
Contenders make_contenders(const ConvProblem& problem, const ConvBenchOptions& options) {
  Contenders contenders;
  const bool all = options.algorithm == all_algorithms;
  contenders.push_back(
      std::make_unique<VarscopeConvolution>(problem, all ? "automatic" : options.algorithm, options.threads));
  contenders.front()->run();
  if (!all) return contenders;
  const std::string picked = contenders.front()->algorithm();
  for (const std::string& algorithm : conv2d_algorithms()) {
    if (algorithm == "automatic" || algorithm == "reference" || algorithm == picked) continue;
    auto contender = std::make_unique<VarscopeConvolution>(problem, algorithm, options.threads);
    try {
      contender->run();
    } catch (const UnimplementedError&) {
      continue;
    }
    contenders.push_back(std::move(contender));
  }
  return contenders;
}

}  // namespace

std::vector<ConvMeasurement> measure_conv_layer(const ConvLayer& layer, const ConvBenchOptions& options) {
  const ConvProblem problem = make_conv_problem(layer);
  const ConvReference reference(problem);
  const Contenders ours = make_contenders(problem, options);

  std::vector<ConvMeasurement> measured;
  std::vector<std::function<void()>> contenders;
  for (const std::unique_ptr<VarscopeConvolution>& contender : ours) {
    ConvMeasurement& one = measured.emplace_back();
    one.name = layer.name;
    one.algorithm = contender->algorithm();
    one.picked = contender == ours.front() &&
                 (options.algorithm == "automatic" || options.algorithm == all_algorithms);
    one.isa = instruction_set();
    one.threads = options.threads;
    one.checked_pixels = reference.pixels();
    one.pixels = reference.all_pixels();
    one.max_error = reference.largest_error(contender->output().values<float>());
    require_accurate(layer, "varscope (" + one.algorithm + ")", one.max_error);
    contenders.emplace_back([&run = *contender] { run.run(); });
  }

  constexpr OneDnnConvolution::Layout kLayouts[] = {OneDnnConvolution::Layout::nhwc,
                                                    OneDnnConvolution::Layout::any};
  std::vector<std::unique_ptr<OneDnnConvolution>> peers;
  double peer_max_error = 0;
  if (options.peer) {
    for (const OneDnnConvolution::Layout layout : kLayouts) {
      OneDnnConvolution& peer =
          *peers.emplace_back(std::make_unique<OneDnnConvolution>(problem, layout, options.threads));
      peer.run();
      const double error = reference.largest_error(peer.output().values<float>());
      require_accurate(layer, std::string("oneDNN (") + layout_name(layout) + ")", error);
      peer_max_error = std::max(peer_max_error, error);
      contenders.emplace_back([&peer] { peer.run(); });
    }
  }

  // What the registers can do at most, in the same turns: on a shared machine it changes by the minute.
  constexpr long kPeakTurns = 100'000;
  contenders.emplace_back([] { run_multiply_adds(kPeakTurns); });

  const double warm_up = options.threads > 1 ? warm_up_seconds_of_threads : warm_up_seconds_alone;
  const std::vector<double> medians = interleaved_medians(contenders, options.seconds, warm_up);
  const double operations = layer.floating_point_operations();
  const double peak =
      run_multiply_adds(1) * static_cast<double>(kPeakTurns) / medians.back() * options.threads;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    measured[i].ms = medians[i] * 1e3;
    measured[i].gflops = operations / medians[i] * 1e-9;
    measured[i].peak_gflops = peak * 1e-9;
    if (!options.peer) continue;
    const std::size_t first = measured.size();
    const std::size_t best = medians[first] <= medians[first + 1] ? 0 : 1;
    measured[i].peer_gflops = operations / medians[first + best] * 1e-9;
    measured[i].peer_layout = layout_name(kLayouts[best]);
    measured[i].peer_max_error = peer_max_error;
  }
  return measured;
}

}  // namespace varscope::tools
