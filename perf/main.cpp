// SPDX-License-Identifier: Apache-2.0
// The main program of every benchmark: adds to Google Benchmark's context what a saved result must say about
// itself.
#include "benchmarks.hpp"
#include "machine.hpp"
#include "onednn_convolution.hpp"

#include <varscope/error.hpp>
#include <varscope/instruction_set.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace varscope::perf {

std::vector<std::string> measured_instruction_sets() {
  if (std::getenv("VARSCOPE_ISA") != nullptr) return {std::string(instruction_set())};
  return available_instruction_sets();
}

std::vector<int> measured_thread_counts() {
  const int processors = tools::usable_processors();
  return processors > 1 ? std::vector<int>{1, processors} : std::vector<int>{1};
}

bool agree(const std::vector<float>& left, const std::vector<float>& right) {
  if (left.size() != right.size()) return false;
  double squares = 0;
  for (const float value : left) squares += double{value} * value;
  const double allowed = 1e-4 * std::sqrt(squares / static_cast<double>(left.size()));
  for (std::size_t at = 0; at < left.size(); ++at) {
    if (!(std::abs(left[at] - right[at]) <= allowed)) return false;  // false for NaN too
  }
  return true;
}

}  // namespace varscope::perf

int main(int argc, char** argv) {
  try {
    const std::string isa(varscope::instruction_set());
    varscope::perf::register_benchmarks();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::AddCustomContext("varscope_version", VARSCOPE_VERSION);
    benchmark::AddCustomContext("varscope_isa", isa);
    benchmark::AddCustomContext("threads", std::to_string(varscope::tools::usable_processors()));
    benchmark::AddCustomContext("processor", varscope::tools::processor_name());
    if (varscope::tools::onednn_available())
      benchmark::AddCustomContext("peer", varscope::tools::onednn_version());
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
  } catch (const varscope::Error& error) {
    std::fprintf(stderr, "%s: %s: %s\n", argv[0], std::string(varscope::error_name(error.code())).c_str(),
                 error.what());
    return 1;
  }
}
