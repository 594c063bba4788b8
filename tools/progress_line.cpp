// SPDX-License-Identifier: Apache-2.0
#include "progress_line.hpp"

#include <cstdio>
#include <unistd.h>

namespace varscope::tools {

namespace {

constexpr const char* kEraseLine = "\r\033[K";

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const std::string& text) {
  if (!terminal_) return;
  std::fprintf(stderr, "%s%s", kEraseLine, text.c_str());
  std::fflush(stderr);
  shown_ = true;
}

void ProgressLine::clear() {
  if (!shown_) return;
  std::fputs(kEraseLine, stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace varscope::tools
