// SPDX-License-Identifier: Apache-2.0
// TextTable: aligned columns for people, a row at a time, so that slow rows appear as they are ready.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace varscope::tools {

/// "%.3f" and the like, as a string.
[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...);

/// "512 B", "100.1 KiB", "3.2 MiB".
std::string byte_count(double bytes);

/// "1,254,400".
std::string grouped_digits(long long number);

class TextTable {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    std::size_t width = 0;  // at least; the title counts too
    Align align = Align::right;
  };

  explicit TextTable(std::vector<Column> columns);

  /// The titles and a rule under them, each with its line end.
  std::string header() const;
  /// One line with its line end; a cell wider than its column moves the rest. Requires: a cell a column.
  std::string row(const std::vector<std::string>& cells) const;

 private:
  std::vector<Column> columns_;
};

}  // namespace varscope::tools
