// SPDX-License-Identifier: Apache-2.0
// varscope bench conv: how fast and how exact convolution layers are, with a peer measured in the same run.
#include "command.hpp"
#include "conv_bench.hpp"
#include "conv_layers.hpp"
#include "machine.hpp"
#include "onednn_convolution.hpp"
#include "progress_line.hpp"
#include "text_table.hpp"

#include <varscope/error.hpp>
#include <varscope/instruction_set.hpp>
#include <varscope/nn_ops.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

namespace varscope::tools {

namespace {

struct BenchConvRequest {
  std::string layers;
  std::string only = "*";
  std::string isa;
  std::string peer;
  bool json = false;
  bool details = false;
  ConvBenchOptions options;
};

// Rounded for people and scripts alike: digits beyond the fourth are noise.
double rounded(double value) {
  return value == 0 || !std::isfinite(value) ? value : std::stod(formatted("%.4g", value));
}

nlohmann::ordered_json json_of(const ConvMeasurement& measured, const BenchConvRequest& request) {
  nlohmann::ordered_json object;
  object["name"] = measured.name;
  object["algorithm"] = measured.algorithm;
  object["isa"] = measured.isa;
  object["threads"] = measured.threads;
  object["ms"] = rounded(measured.ms);
  object["gflops"] = rounded(measured.gflops);
  object["max_error"] = rounded(measured.max_error);
  object["peer"] = request.peer.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(request.peer);
  object["peer_gflops"] = measured.peer_gflops ? nlohmann::ordered_json(rounded(*measured.peer_gflops))
                                               : nlohmann::ordered_json();
  if (request.details) {
    object["picked"] = measured.picked;
    object["peak_gflops"] = rounded(measured.peak_gflops);
  }
  return object;
}

TextTable make_table(const std::vector<ConvLayer>& layers, bool peer, bool all) {
  std::size_t name_width = 5;
  for (const ConvLayer& layer : layers) name_width = std::max(name_width, layer.name.size());
  using Align = TextTable::Align;
  std::vector<TextTable::Column> columns{{"layer", name_width, Align::left},
                                         {"algorithm", 12, Align::left},
                                         {"ms", 9},
                                         {"GFLOP/s", 8},
                                         {"of peak", 7},
                                         {"max error", 9},
                                         {"checked", 7}};
  if (all) columns.push_back({"of best", 7});
  if (peer) {
    columns.push_back({"oneDNN", 8});
    columns.push_back({"layout", 10, Align::left});
    columns.push_back({"ratio", 5});
  }
  return TextTable(std::move(columns));
}

double fastest(const std::vector<ConvMeasurement>& measurements) {
  double best = 0;
  for (const ConvMeasurement& measured : measurements) best = std::max(best, measured.gflops);
  return best;
}

// Before anything is printed; the library's own message would name a line of this program.
void require_algorithm(const std::string& wanted) {
  std::vector<std::string> known = conv2d_algorithms();
  known.insert(known.begin(), all_algorithms);
  if (std::find(known.begin(), known.end(), wanted) != known.end()) return;
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  throw ValueError("--algorithm " + wanted + ": there is no such algorithm; give one of " + list);
}

// `best`: the fastest algorithm's GFLOP/s where several are compared, else 0.
std::vector<std::string> cells_of(const ConvMeasurement& measured, double best) {
  const double checked =
      100.0 * static_cast<double>(measured.checked_pixels) / static_cast<double>(measured.pixels);
  std::vector<std::string> cells{measured.name,
                                 measured.algorithm,
                                 formatted("%.3f", measured.ms),
                                 formatted("%.1f", measured.gflops),
                                 measured.peak_gflops > 0
                                     ? formatted("%.0f%%", 100.0 * measured.gflops / measured.peak_gflops)
                                     : std::string("-"),
                                 formatted("%.1e", measured.max_error),
                                 formatted(checked < 10 ? "%.1f%%" : "%.0f%%", checked)};
  if (best > 0) {
    if (measured.picked) cells[1] += " *";
    cells.push_back(formatted("%.0f%%", 100.0 * measured.gflops / best));
  }
  if (measured.peer_gflops) {
    cells.push_back(formatted("%.1f", *measured.peer_gflops));
    cells.push_back(measured.peer_layout);
    cells.push_back(formatted("%.2f", measured.gflops / *measured.peer_gflops));
  }
  return cells;
}

void print_heading(const BenchConvRequest& request) {
  const std::string isa(instruction_set());
  const std::string peer = request.options.peer ? ", " + onednn_version() : std::string();
  std::printf("%s, %s, %d thread%s, varscope %s%s\n\n", processor_name().c_str(), isa.c_str(),
              request.options.threads, request.options.threads == 1 ? "" : "s", VARSCOPE_VERSION,
              peer.c_str());
}

void print_legend(const BenchConvRequest& request) {
  std::printf(
      "\nms: median of one run of relu(conv + bias). GFLOP/s: 2*n*oh*ow*k*(c/groups)*r*s over that time.\n"
      "of peak: share of what multiply-adds alone reach, measured in turns too (one thread's, times the "
      "threads);\n"
      "Winograd saves operations and may pass 100%%.\n"
      "max error: largest |x - double precision| over the checked share of the output's pixels, in units of\n"
      "the output's root mean square.\n");
  if (request.options.algorithm == all_algorithms)
    std::printf("*: what the plan picks. of best: its speed as a share of the fastest algorithm's.\n");
  if (request.options.peer)
    std::printf(
        "oneDNN: its GFLOP/s, measured in turns with varscope in this run, in the faster of nhwc and its "
        "own\n"
        "layout (conversions not counted). ratio: varscope's GFLOP/s over oneDNN's.\n");
}

void run_bench_conv(BenchConvRequest& request) {
  const std::vector<ConvLayer> layers = select_conv_layers(read_conv_layers(request.layers), request.only);
  if (!request.isa.empty()) set_instruction_set(request.isa);
  const int processors = usable_processors();
  if (request.options.threads == 0) request.options.threads = processors;
  if (request.options.threads > processors)
    throw InvalidArgumentError("--threads " + std::to_string(request.options.threads) +
                               ": this process may use " + std::to_string(processors) +
                               " processors; ask for at most so many");
  request.options.peer = !request.peer.empty();
  if (request.options.peer) limit_onednn_instruction_set(instruction_set());

  require_algorithm(request.options.algorithm);
  const bool all = request.options.algorithm == all_algorithms;
  const TextTable table = make_table(layers, request.options.peer, all);
  if (!request.json) {
    print_heading(request);
    std::fputs(table.header().c_str(), stdout);
  }
  ProgressLine progress;
  for (std::size_t at = 0; at < layers.size(); ++at) {
    progress.show(formatted("[%zu/%zu] %s", at + 1, layers.size(), layers[at].name.c_str()));
    const std::vector<ConvMeasurement> measurements = measure_conv_layer(layers[at], request.options);
    progress.clear();
    const double best = fastest(measurements);
    for (const ConvMeasurement& measured : measurements) {
      const std::string line = request.json ? json_of(measured, request).dump() + "\n"
                                            : table.row(cells_of(measured, all ? best : 0));
      std::fputs(line.c_str(), stdout);
    }
    std::fflush(stdout);
  }
  if (!request.json) print_legend(request);
}

}  // namespace

void add_bench_command(CLI::App& program) {
  CLI::App* bench = program.add_subcommand("bench", "Measure kernels, with a peer beside them");
  bench->require_subcommand(1);
  bench->footer("Example:\n  varscope bench conv --layers perf/layers/conv_layers.csv --only 'seed_*'");

  const auto request = std::make_shared<BenchConvRequest>();
  CLI::App* conv = bench->add_subcommand("conv",
                                         "Measure convolution layers: relu(conv2d + bias) through a graph, a "
                                         "session and a callable, as users run it. "
                                         "Each layer is first compared with double precision.");
  conv->add_option("--layers", request->layers,
                   "CSV file, a layer a line: name,n,h,w,c,k,r,s,stride,pad,groups,dilation")
      ->required()
      ->type_name("FILE.csv");
  conv->add_option("--only", request->only, "Only layers whose name matches this shell pattern ('seed_*')")
      ->type_name("PATTERN");
  conv->add_option("--threads", request->options.threads,
                   "Threads on both sides; 0: one for each processor that the process may use (default 1)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024));
  conv->add_option("--isa", request->isa,
                   "Instruction set on both sides: avx512, avx2, sse4_2, reference (default: the best; "
                   "'varscope info' lists them)")
      ->type_name("NAME");
  conv->add_option("--algorithm", request->options.algorithm,
                   "automatic (default), direct, pointwise, depthwise, grouped, winograd_2x2, winograd_4x4, "
                   "winograd_6x6, winograd_1x4, strassen, reference; all: each one that can do the layer, "
                   "and which one is picked")
      ->type_name("NAME");
  conv->add_option("--peer", request->peer, "Measure this library too, in turns in the same run")
      ->type_name("onednn")
      ->check(CLI::IsMember({"onednn"}));
  conv->add_flag(
      "--json", request->json,
      "One JSON object a layer: name, algorithm, isa, threads, ms, gflops, max_error, peer, peer_gflops");
  conv->add_flag(
      "--details", request->details,
      "With --json, also: picked (whether it is what the plan picks), peak_gflops (of multiply-adds alone)");
  conv->add_option("--seconds", request->options.seconds, "Time to measure each layer for (default 1)")
      ->type_name("S")
      ->check(CLI::Range(0.0, 3600.0));
  conv->footer(
      "Examples:\n"
      "  varscope bench conv --layers perf/layers/conv_layers.csv\n"
      "  varscope bench conv --layers perf/layers/conv_layers.csv --only 'seed_*' --threads 2 --peer onednn\n"
      "  varscope bench conv --layers perf/layers/conv_layers.csv --isa avx2 --algorithm direct --json\n"
      "  varscope bench conv --layers perf/layers/conv_layers.csv --algorithm all\n"
      "\n"
      "docs/performance.md says how the figures come about.");
  conv->callback([request] { run_bench_conv(*request); });
}

}  // namespace varscope::tools
