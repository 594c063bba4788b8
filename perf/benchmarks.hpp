// SPDX-License-Identifier: Apache-2.0
// What every benchmark program consists of: main.cpp, and one file that registers its benchmarks.
#pragma once

#include <string>
#include <vector>

namespace varscope::perf {

/// Defined by each program's own file; called once, before Google Benchmark reads the command line.
void register_benchmarks();

/// The instruction sets to measure: what VARSCOPE_ISA names if it is set, else all that this machine runs.
std::vector<std::string> measured_instruction_sets();

/// 1, and as many as the process may use if that is more.
std::vector<int> measured_thread_counts();

/// Whether two results agree but for rounding: every difference within 1e-4 of the larger side's root mean
/// square.
bool agree(const std::vector<float>& left, const std::vector<float>& right);

}  // namespace varscope::perf
