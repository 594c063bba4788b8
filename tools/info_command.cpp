// SPDX-License-Identifier: Apache-2.0
// varscope info: what this build has and what it uses on this machine.
#include "command.hpp"
#include "machine.hpp"
#include "onednn_convolution.hpp"
#include "text_table.hpp"

#include <varscope/instruction_set.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace varscope::tools {

namespace {

void print_line(const char* title, const std::string& text) {
  std::printf("%-18s%s\n", title, text.c_str());
}

std::string cache_sizes_text(const CacheBytes& caches) {
  const auto text = [](long bytes) {
    return bytes > 0 ? byte_count(static_cast<double>(bytes)) : std::string("unknown");
  };
  return "L1 " + text(caches.level1_data) + ", L2 " + text(caches.level2) + ", L3 " + text(caches.level3);
}

void run_info() {
  const std::string_view chosen = instruction_set();
  std::string sets;
  for (const std::string& name : available_instruction_sets()) sets += (sets.empty() ? "" : ", ") + name;
  print_line("varscope", VARSCOPE_VERSION);
  print_line("processor", processor_name());
  print_line("instruction set", std::string(chosen) + "  (available: " + sets + "; VARSCOPE_ISA chooses)");
  print_line("caches", cache_sizes_text(cache_bytes()));
  print_line("threads", std::to_string(usable_processors()));
  print_line("peer", onednn_available() ? onednn_version() : "none (built without oneDNN)");
}

}  // namespace

void add_info_command(CLI::App& program) {
  CLI::App* info = program.add_subcommand(
      "info", "Show the version, the instruction sets (available, chosen), caches and threads");
  info->footer(
      "Examples:\n"
      "  varscope info\n"
      "  VARSCOPE_ISA=avx2 varscope info");
  info->callback(run_info);
}

}  // namespace varscope::tools
