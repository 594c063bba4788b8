// SPDX-License-Identifier: Apache-2.0
// Headings and numbers as the examples print them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace example {

inline void heading(const std::string& text) {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  std::printf("\n%s%s%s\n", terminal ? "\033[1m" : "", text.c_str(), terminal ? "\033[0m" : "");
}

/// "1,254,400".
inline std::string grouped_digits(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

inline std::string count_of(std::int64_t number) {
  return grouped_digits(static_cast<std::size_t>(number));
}

/// `amount` / `whole`, 1 of nothing.
template <typename Amount, typename Whole>
double share_of(Amount amount, Whole whole) {
  return whole > 0 ? static_cast<double>(amount) / static_cast<double>(whole) : 1.0;
}

}  // namespace example
