// SPDX-License-Identifier: Apache-2.0
// varscope merge: the variables of several files in one.
#include "command.hpp"
#include "utf8.hpp"
#include "variable_file.hpp"

#include <varscope/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <list>
#include <map>
#include <memory>

namespace varscope::tools {

namespace {

struct MergeRequest {
  std::string out;
  std::vector<std::string> in;
  std::string prefer;
  int compression_level = 0;
};

struct Source {
  const VariableFile* file;
  const VariableFile::Entry* entry;
};

std::optional<std::int64_t> merged_step(const std::list<VariableFile>& files, const std::string& prefer) {
  const VariableFile* chosen = nullptr;
  for (const VariableFile& file : files) {
    if (!file.global_step()) continue;
    if (chosen != nullptr && prefer.empty() && chosen->global_step() != file.global_step()) {
      throw ValueError("'" + chosen->path() + "' has the global step " +
                       std::to_string(*chosen->global_step()) + ", '" + file.path() + "' has " +
                       std::to_string(*file.global_step()) + "; choose with --prefer first or --prefer last");
    }
    if (chosen == nullptr || prefer == "last") chosen = &file;
  }
  return chosen == nullptr ? std::nullopt : chosen->global_step();
}

void run_merge(const MergeRequest& request) {
  const FileFormat format = format_to_write(request.out);
  require_compressible(format, request.compression_level);
  std::list<VariableFile> files;
  std::map<std::string, Source> sources;
  for (const std::string& path : request.in) {
    const VariableFile& file = files.emplace_back(path, format_to_read(path));
    for (const VariableFile::Entry& entry : file.entries()) {
      const auto [known, is_new] = sources.emplace(entry.name, Source{&file, &entry});
      if (is_new) continue;
      if (request.prefer.empty()) {
        throw ValueError("the variable '" + entry.name + "' is in both '" + known->second.file->path() +
                         "' and '" + path +
                         "'; choose with --prefer first or --prefer last, or rename it in one of them with "
                         "'varscope rename'");
      }
      if (request.prefer == "last") known->second = {&file, &entry};
    }
  }
  const std::optional<std::int64_t> step = merged_step(files, request.prefer);
  NamedArrays variables;
  std::uint64_t bytes = 0;
  for (const auto& [name, source] : sources) {
    variables.emplace_back(name, source.file->read(*source.entry));
    bytes += source.entry->bytes;
  }
  for (const VariableFile& file : files) print_skipped(file);
  write_variables(request.out, format, variables,
                  {.global_step = step, .compression_level = request.compression_level});
  std::printf("%s: %s, from %zu file%s\n", printable(request.out).c_str(),
              summary(variables.size(), bytes).c_str(), request.in.size(), request.in.size() == 1 ? "" : "s");
}

}  // namespace

void add_merge_command(CLI::App& program) {
  const auto request = std::make_shared<MergeRequest>();
  CLI::App* merge = program.add_subcommand(
      "merge",
      "Write the variables of several files into one. A variable that is in two of them is an error, unless "
      "--prefer says which file counts; so are two different global steps.");
  merge->add_option("out", request->out, "The file to write")->required()->type_name("OUT");
  merge->add_option("in", request->in, "The files to read: checkpoints, .npz or .safetensors")
      ->required()
      ->type_name("IN");
  merge
      ->add_option("--prefer", request->prefer,
                   "Of files that have the same variable, take it from the first or the last")
      ->type_name("first|last")
      ->check(CLI::IsMember({"first", "last"}));
  add_compress_option(*merge, request->compression_level);
  merge->footer(
      "Examples:\n"
      "  varscope merge model.h5 encoder.h5 decoder.h5\n"
      "  varscope merge patched.h5 model.h5 new_biases.npz --prefer last");
  merge->callback([request] { run_merge(*request); });
}

}  // namespace varscope::tools
