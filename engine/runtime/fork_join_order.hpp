// SPDX-License-Identifier: Apache-2.0
// ForkJoinOrder: tells ThreadSanitizer what oneTBB guarantees: what the caller of a parallel loop did before
// it happens before the loop's bodies, and these before what the caller does after it. Distributions build
// oneTBB without instrumentation, so ThreadSanitizer cannot see it. Costs nothing in other builds.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define VARSCOPE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VARSCOPE_THREAD_SANITIZER 1
#endif
#endif

#ifdef VARSCOPE_THREAD_SANITIZER
#include <atomic>
#endif

namespace varscope::detail {

#ifdef VARSCOPE_THREAD_SANITIZER

/// Made before the loop and destroyed behind it, also where a body throws.
class ForkJoinOrder {
 public:
  // release, acquire: the very edges that are to be seen.
  ForkJoinOrder() noexcept { forked_.store(true, std::memory_order_release); }
  ~ForkJoinOrder() { static_cast<void>(joined_.load(std::memory_order_acquire)); }
  void begin_body() noexcept { static_cast<void>(forked_.load(std::memory_order_acquire)); }
  void end_body() noexcept { joined_.fetch_add(1, std::memory_order_release); }

 private:
  std::atomic<bool> forked_{false};
  std::atomic<int> joined_{0};
};

#else

class ForkJoinOrder {
 public:
  void begin_body() noexcept {}
  void end_body() noexcept {}
};

#endif

/// What oneTBB is given to call: body(begin, end) for each piece of a loop, in order. oneTBB copies it into
/// its tasks, and its two members are read before the order is known: the only reads in this file, which
/// tests/support/tsan.supp excuses by the file's name.
template <typename Body>
class OrderedBody {
 public:
  OrderedBody(ForkJoinOrder& order, const Body& body) noexcept : order_(&order), body_(&body) {}

  template <typename Range>
  void operator()(const Range& range) const {
    const Call call{*order_};
    (*body_)(range.begin(), range.end());
  }

 private:
  struct Call {
    explicit Call(ForkJoinOrder& order_of_call) noexcept : order(order_of_call) { order.begin_body(); }
    ~Call() { order.end_body(); }
    ForkJoinOrder& order;
  };

  ForkJoinOrder* order_;
  const Body* body_;
};

}  // namespace varscope::detail
