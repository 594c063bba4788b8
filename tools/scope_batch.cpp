// SPDX-License-Identifier: Apache-2.0
#include "scope_batch.hpp"

#include "scope_program.hpp"
#include "scope_program_runner.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <optional>

namespace varscope::tools {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// A text, a line at a time.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  bool next() {
    if (rest_.empty()) return false;
    const auto length = std::min(rest_.find('\n'), rest_.size());
    line_ = rest_.substr(0, length);
    rest_.remove_prefix(std::min(length + 1, rest_.size()));
    ++number_;
    return true;
  }
  // Without blanks at its end, which nobody sees.
  std::string_view line() const { return line_.substr(0, line_.find_last_not_of(" \t\r") + 1); }
  const char* begin() const { return line_.data(); }
  int number() const { return number_; }

 private:
  std::string_view rest_;
  std::string_view line_;
  int number_ = 0;
};

std::string place(const std::string& file, int line) {
  return file + ":" + std::to_string(line) + ": ";
}

// What a program printed instead of what was expected; nothing if it is the same.
std::optional<std::string> difference(const std::string& file, const BatchProgram& program) {
  std::string printed;
  try {
    const ScopeProgram parsed = parse_scope_program(file, program.text, program.first_line);
    ScopeProgramRunner runner(parsed);
    runner.run();
    printed = runner.output();
  } catch (const InvalidArgumentError& error) {
    return std::string(error.what()) + " (program " + program.name + ")\n";
  }
  Lines lines(printed);
  for (std::size_t index = 0;; ++index) {
    const bool more_printed = lines.next();
    const bool more_expected = index < program.expected.size();
    if (!more_printed && !more_expected) return std::nullopt;
    if (more_printed && more_expected && lines.line() == program.expected[index]) continue;
    const auto shown = [](bool there, std::string_view line) {
      return there ? std::string(line) : std::string("(nothing more)");
    };
    return place(file, program.expected_line + static_cast<int>(index)) + "program " + program.name +
           "\n  expected  " +
           shown(more_expected, more_expected ? program.expected[index] : std::string_view()) +
           "\n  got       " + shown(more_printed, lines.line()) + "\n";
  }
}

}  // namespace

std::vector<BatchProgram> read_scope_batch(const std::string& file, std::string_view text) {
  constexpr std::string_view kProgram = "program";
  std::vector<BatchProgram> programs;
  Lines lines(text);
  const auto require_next = [&](const char* missing) {
    if (!lines.next())
      throw InvalidArgumentError(place(file, lines.number()) + "the text ends inside the program '" +
                                 programs.back().name + "', before its line '" + missing + "'");
  };
  while (lines.next()) {
    const std::string_view line = trimmed(lines.line());
    if (line.empty() || line.front() == '#') continue;
    const std::string_view name =
        line.starts_with(kProgram) ? line.substr(kProgram.size()) : std::string_view();
    if (trimmed(name).empty() || (name.front() != ' ' && name.front() != '\t'))
      throw InvalidArgumentError(place(file, lines.number()) + "expected a line 'program NAME', found '" +
                                 std::string(line) + "'");
    BatchProgram& program = programs.emplace_back();
    program.name = trimmed(name);
    require_next("expect");
    program.first_line = lines.number();
    const char* const begin = lines.begin();
    while (trimmed(lines.line()) != "expect") require_next("expect");
    program.text = std::string_view(begin, static_cast<std::size_t>(lines.begin() - begin));
    program.expected_line = lines.number() + 1;
    for (;;) {
      require_next("done");
      if (lines.line() == "done") break;
      program.expected.push_back(lines.line());
    }
  }
  return programs;
}

BatchResult run_scope_batch(const std::string& file, std::string_view text, std::size_t show,
                            std::string& reports) {
  BatchResult result;
  for (const BatchProgram& program : read_scope_batch(file, text)) {
    ++result.programs;
    result.lines += program.expected.size();
    const std::optional<std::string> report = difference(file, program);
    if (!report) continue;
    if (result.differ++ < show) reports += *report;
  }
  return result;
}

}  // namespace varscope::tools
