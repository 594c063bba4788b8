// SPDX-License-Identifier: Apache-2.0
// varscope extract: some variables of a file, as a file of their own.
#include "command.hpp"
#include "utf8.hpp"
#include "variable_file.hpp"

#include <varscope/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fnmatch.h>
#include <memory>

namespace varscope::tools {

namespace {

struct ExtractRequest {
  std::string in;
  std::string out;
  std::vector<std::string> patterns;
  int compression_level = 0;
};

void run_extract(const ExtractRequest& request) {
  const FileFormat format = format_to_write(request.out);
  require_compressible(format, request.compression_level);
  const VariableFile file(request.in, format_to_read(request.in));
  std::vector<bool> used(request.patterns.size());
  NamedArrays variables;
  std::uint64_t bytes = 0;
  for (const VariableFile::Entry& entry : file.entries()) {
    bool wanted = false;
    for (std::size_t k = 0; k < request.patterns.size(); ++k) {
      if (::fnmatch(request.patterns[k].c_str(), entry.name.c_str(), 0) != 0) continue;
      used[k] = true;
      wanted = true;
    }
    if (!wanted) continue;
    variables.emplace_back(entry.name, file.read(entry));
    bytes += entry.bytes;
  }
  const auto unused = std::find(used.begin(), used.end(), false);
  if (unused != used.end()) {
    const std::string& pattern = request.patterns[static_cast<std::size_t>(unused - used.begin())];
    if (pattern.find_first_of("*?[") == std::string::npos) entry_of(file, pattern);  // says what is near
    throw NotFoundError("'" + file.path() + "' has no variable that fits '" + pattern +
                        "'; 'varscope inspect' shows what it has. '*' also stands for '/'");
  }
  print_skipped(file);
  write_variables(request.out, format, variables,
                  {.global_step = file.global_step(), .compression_level = request.compression_level});
  std::printf("%s: %s, of %zu\n", printable(request.out).c_str(), summary(variables.size(), bytes).c_str(),
              file.entries().size());
}

}  // namespace

void add_extract_command(CLI::App& program) {
  const auto request = std::make_shared<ExtractRequest>();
  CLI::App* extract = program.add_subcommand("extract",
                                             "Write those variables of a file whose names fit one of the "
                                             "shell patterns. A pattern that fits none is an "
                                             "error. The global step is kept.");
  extract->add_option("in", request->in, "The file to read: a checkpoint, .npz or .safetensors")
      ->required()
      ->type_name("IN");
  extract->add_option("out", request->out, "The file to write")->required()->type_name("OUT");
  extract
      ->add_option("patterns", request->patterns,
                   "Names, in which * is any text, also with '/', and ? a character")
      ->required()
      ->type_name("PATTERN");
  add_compress_option(*extract, request->compression_level);
  extract->footer(
      "Examples:\n"
      "  varscope extract model.h5 encoder.h5 'encoder/*'\n"
      "  varscope extract model.h5 weights.npz '*/weights' '*/biases' global_step");
  extract->callback([request] { run_extract(*request); });
}

}  // namespace varscope::tools
