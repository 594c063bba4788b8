// SPDX-License-Identifier: Apache-2.0
// varscope verify: reads checkpoints whole, and names each variable that is damaged.
#include "command.hpp"
#include "progress_bar.hpp"
#include "utf8.hpp"
#include "variable_file.hpp"

#include <varscope/error.hpp>
#include <varscope/inspect.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace varscope::tools {

namespace {

/// Throws DataLossError if the variable is damaged.
void verify_variable(const CheckpointReader& reader, const CheckpointEntry& entry) {
  try {
    reader.read(entry.name);  // on several threads
  } catch (const ResourceExhaustedError&) {
    variable_statistics(reader, entry.name);  // on one, through a small buffer
  }
}

/// Returns whether the file is sound, and prints what is not.
bool verify_file(const std::string& path) {
  try {
    const CheckpointReader reader = open_checkpoint(path);
    std::uint64_t bytes = 0;
    for (const CheckpointEntry& entry : reader.entries()) bytes += entry.bytes;
    std::vector<std::string> problems;
    {
      ProgressBar progress("verifying " + path, bytes);
      for (const CheckpointEntry& entry : reader.entries()) {
        try {
          verify_variable(reader, entry);
        } catch (const DataLossError& error) {
          problems.emplace_back(error.what());
        }
        progress.advance(entry.bytes);
      }
    }
    const std::string size = summary(reader.entries().size(), bytes);
    if (problems.empty()) {
      std::printf("%s: sound, %s\n", printable(path).c_str(), size.c_str());
      return true;
    }
    std::printf("%s: DAMAGED, %zu of %s\n", printable(path).c_str(), problems.size(), size.c_str());
    for (const std::string& problem : problems) std::printf("  %s\n", printable(problem).c_str());
  } catch (const Error& error) {
    std::printf("%s: CANNOT BE USED\n  %s: %s\n", printable(path).c_str(),
                std::string(error_name(error.code())).c_str(), printable(error.what()).c_str());
  }
  return false;
}

}  // namespace

void add_verify_command(CLI::App& program) {
  const auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* verify = program.add_subcommand(
      "verify",
      "Read checkpoints whole and compare every checksum. Names each variable that is damaged, and its bytes "
      "in the file. Exit status 1 if any file is damaged or cannot be read.");
  verify->add_option("files", *files, "The checkpoints")->required()->type_name("FILE");
  verify->footer(
      "Examples:\n"
      "  varscope verify checkpoints/filter-1000.h5\n"
      "  varscope verify checkpoints/*.h5 && echo all sound");
  verify->callback([files] {
    std::size_t bad = 0;
    for (const std::string& file : *files) {
      bad += verify_file(file) ? 0 : 1;
      std::fflush(stdout);
    }
    if (bad > 0) throw ExitStatus{1};
  });
}

}  // namespace varscope::tools
