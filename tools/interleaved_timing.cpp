// SPDX-License-Identifier: Apache-2.0
#include "interleaved_timing.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace varscope::tools {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kFewestTurns = 7;
constexpr double kTimedSeconds = 0.003;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Calls for at least `seconds`, at least once; gives the mean seconds of a call.
double run_stretch(const std::function<void()>& contender, double seconds) {
  const Clock::time_point start = Clock::now();
  for (std::size_t calls = 1;; ++calls) {
    contender();
    const double elapsed = seconds_since(start);
    if (elapsed >= seconds) return elapsed / static_cast<double>(calls);
  }
}

double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

}  // namespace

std::vector<double> interleaved_medians(std::span<const std::function<void()>> contenders, double seconds,
                                        double warm_up) {
  std::vector<std::vector<double>> samples(contenders.size());
  const Clock::time_point start = Clock::now();
  for (std::size_t turn = 0; turn < kFewestTurns || seconds_since(start) < seconds; ++turn) {
    for (std::size_t at = 0; at < contenders.size(); ++at) {
      run_stretch(contenders[at], warm_up);
      samples[at].push_back(run_stretch(contenders[at], kTimedSeconds));
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& of_one : samples) medians.push_back(median(of_one));
  return medians;
}

}  // namespace varscope::tools
