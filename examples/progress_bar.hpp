// SPDX-License-Identifier: Apache-2.0
// A progress line: a bar and what the program says beside it, rewritten in place on a terminal, written a few
// times otherwise.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace example {

class ProgressBar {
 public:
  /// `total` of whatever show() counts. Without a terminal `lines` lines are written, the last at the end.
  explicit ProgressBar(double total, std::size_t lines = 1) : total_(total), lines_(lines) {}

  /// Since it was made.
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  /// `done` of the total are ready. `text`, a function without arguments, is asked only if it will be seen.
  template <typename Text>
  void show(double done, Text text) {
    const bool last = done >= total_;
    const double now = seconds();
    const double part = total_ > 0 ? std::min(done / total_, 1.0) : 1.0;
    if (!last && terminal_ && now - shown_ < 0.05) return;
    if (!last && !terminal_ && part * static_cast<double>(lines_) < static_cast<double>(written_ + 1)) return;
    shown_ = now;
    ++written_;
    const std::string filled(static_cast<std::size_t>(part * width), '#');
    // What the line before had at its end is blanked on a terminal.
    std::printf("%s   [%-*s] %s%s%s", terminal_ ? "\r" : "", width, filled.c_str(), text().c_str(),
                terminal_ ? "\033[K" : "", last || !terminal_ ? "\n" : "");
    std::fflush(stdout);
  }

 private:
  static constexpr int width = 24;

  double total_;
  std::size_t lines_;
  bool terminal_ = isatty(STDOUT_FILENO) == 1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double shown_ = -1;
  std::size_t written_ = 0;
};

}  // namespace example
