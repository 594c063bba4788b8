// SPDX-License-Identifier: Apache-2.0
// ProgressLine: one line on standard error that says what is being done, where a person is looking.
#pragma once

#include <string>

namespace varscope::tools {

/// Shows nothing unless standard error is a terminal. Gone when destroyed.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const std::string& text);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace varscope::tools
