// SPDX-License-Identifier: Apache-2.0
// A progress line: bar, count and speed, rewritten in place on a terminal, written once otherwise.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace example {

/// "1,254,400".
inline std::string grouped_digits(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

class ProgressBar {
 public:
  ProgressBar(std::size_t total, double operations_per_item)
      : total_(total), operations_per_item_(operations_per_item) {}

  /// `done` items of the total are ready.
  void show(std::size_t done) {
    const auto now = std::chrono::steady_clock::now();
    const bool last = done == total_;
    if (!last && (!terminal_ || now - shown_ < std::chrono::milliseconds(50))) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double speed = static_cast<double>(done) / seconds;
    constexpr std::size_t width = 24;
    const std::string filled(done * width / total_, '#');
    std::printf("%s   [%-24s] %s / %s images   %s images/s   %.0f GFLOP/s%s", terminal_ ? "\r" : "",
                filled.c_str(), grouped_digits(done).c_str(), grouped_digits(total_).c_str(),
                grouped_digits(static_cast<std::size_t>(speed)).c_str(), speed * operations_per_item_ * 1e-9,
                last ? "\n" : "");
    std::fflush(stdout);
  }

 private:
  std::size_t total_;
  double operations_per_item_;
  bool terminal_ = isatty(STDOUT_FILENO) == 1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace example
