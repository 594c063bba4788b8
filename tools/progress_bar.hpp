// SPDX-License-Identifier: Apache-2.0
// ProgressBar: how much of a long piece of work is done, where a person is looking.
#pragma once

#include "progress_line.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace varscope::tools {

/// Shows "reading model.h5 [#####-----]  1.2 GiB of 2.4 GiB" on standard error if that is a terminal and the
/// work has taken a second. Gone when destroyed.
class ProgressBar {
 public:
  /// `bytes`: of all the work; 0 if that is not known.
  ProgressBar(std::string what, std::uint64_t bytes);

  void advance(std::uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  std::uint64_t bytes_;
  std::uint64_t done_ = 0;
  Clock::time_point next_;
  ProgressLine line_;
};

}  // namespace varscope::tools
