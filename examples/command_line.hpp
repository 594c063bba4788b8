// SPDX-License-Identifier: Apache-2.0
// What the command lines of the examples have in common: options that take a value, numbers, and --help.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <system_error>

namespace example {

/// Calls `set(name, value)` for each option in its order; `value()` is the word behind it, and must be asked
/// for. Returns at --help, with true. Throws std::runtime_error for an option that `set` does not know (gives
/// false for), and for a value that is not there.
template <typename Set>
bool read_command_line(int argc, char** argv, const Set& set) {
  for (int at = 1; at < argc; ++at) {
    const std::string name = argv[at];
    if (name == "--help" || name == "-h") return true;
    const auto value = [&]() -> std::string {
      if (at + 1 >= argc) throw std::runtime_error(name + " needs a value; see --help");
      return argv[++at];
    };
    if (!set(name, value)) throw std::runtime_error("unknown option '" + name + "'; see --help");
  }
  return false;
}

/// Throws std::runtime_error, naming the option, unless `text` is a number from `least` to `most`.
template <typename Number>
Number parse_number(const std::string& option, const std::string& text, Number least, Number most) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !(number >= least && number <= most))
    throw std::runtime_error(option + " needs a number from " + std::to_string(least) + " to " +
                             std::to_string(most) + ", not '" + text + "'");
  return number;
}

}  // namespace example
