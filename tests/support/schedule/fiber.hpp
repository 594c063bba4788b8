// SPDX-License-Identifier: Apache-2.0
// Fiber: a function with a stack of its own that runs until it hands over to another fiber. Handing over
// costs a few nanoseconds and no system call, which is what makes millions of schedules a second possible.
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace varscope::testing::schedule {

/// Limits: all fibers run in one thread. A fiber may be abandoned: what is on its stack is then never
/// destroyed. No fiber may hand over while it handles an exception, since the C++ runtime keeps one list of
/// those for the whole thread.
class Fiber {
 public:
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  /// From now on handing over to this fiber calls `entry()`, which must never return. Keeps the stack of an
  /// earlier start.
  void start(void (*entry)());

  /// Stops here and goes on in `next`, until somebody hands over to this fiber. Requires: this fiber is
  /// running (a fiber that was not started is whoever first hands over from it).
  void hand_over_to(Fiber& next);

 private:
  static constexpr std::size_t kStackBytes = std::size_t{128} << 10U;

  std::byte* stack_ = nullptr;
#if defined(__x86_64__)
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_{};
#endif
};

}  // namespace varscope::testing::schedule
