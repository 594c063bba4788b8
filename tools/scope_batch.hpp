// SPDX-License-Identifier: Apache-2.0
// Batches: many scope programs in one file, each with the lines that it must print.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

/// One program of a batch. The views are into the text of the file.
struct BatchProgram {
  std::string name;
  std::string_view text;
  int first_line = 0;                      // of the text
  std::vector<std::string_view> expected;  // lines without their ends
  int expected_line = 0;                   // of the first of them, or of the `done` in its place
};

/// Reads `program NAME`, statements, `expect`, lines, `done`, again and again. Throws InvalidArgumentError,
/// naming file and line, where that is not what the text consists of.
std::vector<BatchProgram> read_scope_batch(const std::string& file, std::string_view text);

struct BatchResult {
  std::size_t programs = 0;
  std::size_t lines = 0;   // that were expected
  std::size_t differ = 0;  // programs that printed something else, or could not be read
};

/// Runs every program of a batch in a fresh graph. For each of the first `show` that differ a report is
/// appended to `reports`: place, name, the first line that differs.
BatchResult run_scope_batch(const std::string& file, std::string_view text, std::size_t show,
                            std::string& reports);

}  // namespace varscope::tools
