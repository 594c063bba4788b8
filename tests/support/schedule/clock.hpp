// SPDX-License-Identifier: Apache-2.0
// Clock: what a thread knows of the progress of all threads (a vector clock).
#pragma once

#include <cstdint>

namespace varscope::testing::schedule {

/// Thread 0 sets up, and checks at the end; the others run beside each other.
inline constexpr int kMaxThreads = 4;

struct Clock {
  std::uint32_t at[kMaxThreads] = {};

  void join(const Clock& other) noexcept {
    for (int thread = 0; thread < kMaxThreads; ++thread) {
      at[thread] = at[thread] < other.at[thread] ? other.at[thread] : at[thread];
    }
  }
  /// Whether that moment of that thread happens before now.
  bool covers(int thread, std::uint32_t moment) const noexcept { return moment <= at[thread]; }
};

}  // namespace varscope::testing::schedule
