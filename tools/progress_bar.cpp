// SPDX-License-Identifier: Apache-2.0
#include "progress_bar.hpp"

#include "text_table.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <utility>

namespace varscope::tools {

namespace {

constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kBetween = std::chrono::milliseconds(100);
constexpr std::size_t kWidth = 30;

}  // namespace

ProgressBar::ProgressBar(std::string what, std::uint64_t bytes)
    : what_(printable(what)), bytes_(bytes), next_(Clock::now() + kPatience) {}

void ProgressBar::advance(std::uint64_t bytes) {
  done_ += bytes;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + kBetween;
  const std::string done = byte_count(static_cast<double>(done_));
  if (bytes_ == 0) return line_.show(what_ + "  " + done);
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(bytes_));
  const auto filled = static_cast<std::size_t>(share * kWidth);
  line_.show(what_ + " [" + std::string(filled, '#') + std::string(kWidth - filled, '-') + "] " + done +
             " of " + byte_count(static_cast<double>(bytes_)));
}

}  // namespace varscope::tools
