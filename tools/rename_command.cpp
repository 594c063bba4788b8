// SPDX-License-Identifier: Apache-2.0
// varscope rename: a file of variables under other names.
#include "command.hpp"
#include "renaming.hpp"
#include "utf8.hpp"
#include "variable_file.hpp"

#include <varscope/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>
#include <memory>

namespace varscope::tools {

namespace {

struct RenameRequest {
  std::string in;
  std::string out;
  std::vector<std::string> names;
  std::vector<std::string> prefixes;
  std::vector<std::string> expressions;
  bool dry_run = false;
  int compression_level = 0;
};

struct NewName {
  const VariableFile::Entry* entry;
  std::string name;
};

std::vector<NewName> new_names(const VariableFile& file, Renaming& renaming) {
  std::vector<NewName> result;
  std::map<std::string, const VariableFile::Entry*> taken;
  for (const VariableFile::Entry& entry : file.entries()) {
    std::string name = renaming(entry.name);
    if (name.empty())
      throw ValueError("the variable '" + entry.name +
                       "' would have no name left; change the rule that fits it");
    const auto [other, is_new] = taken.emplace(name, &entry);
    if (!is_new) {
      throw ValueError("the variables '" + other->second->name + "' and '" + entry.name +
                       "' would both be '" + name + "'; rename one of them with --map");
    }
    result.push_back({&entry, std::move(name)});
  }
  for (const Renaming::UnusedRule& rule : renaming.unused()) {
    if (rule.option == "--map") entry_of(file, rule.old_name);  // says what is near
    throw NotFoundError("'" + file.path() + "' has no variable that " + rule.option + " '" + rule.old_name +
                        "' fits; 'varscope inspect' shows what it has");
  }
  return result;
}

void run_rename(const RenameRequest& request) {
  Renaming renaming(request.names, request.prefixes, request.expressions);
  const FileFormat format = format_to_write(request.out);
  require_compressible(format, request.compression_level);
  const VariableFile file(request.in, format_to_read(request.in));
  const std::vector<NewName> names = new_names(file, renaming);
  std::size_t changed = 0;
  for (const NewName& each : names) {
    if (each.name == each.entry->name) continue;
    ++changed;
    if (request.dry_run)
      std::printf("%s -> %s\n", printable(each.entry->name).c_str(), printable(each.name).c_str());
  }
  print_skipped(file);
  if (!request.dry_run) {
    NamedArrays variables;
    for (const NewName& each : names) variables.emplace_back(each.name, file.read(*each.entry));
    write_variables(request.out, format, variables,
                    {.global_step = file.global_step(), .compression_level = request.compression_level});
  }
  std::printf("%s: %s, %zu of them renamed%s\n", printable(request.out).c_str(),
              summary(names.size(), file.bytes()).c_str(), changed, request.dry_run ? " (not written)" : "");
}

}  // namespace

void add_rename_command(CLI::App& program) {
  const auto request = std::make_shared<RenameRequest>();
  CLI::App* rename = program.add_subcommand(
      "rename",
      "Write a file of variables again, some of them under other names. Of the rules that fit a variable one "
      "is "
      "used: --map, else the first --prefix, else the first --regex; a rule that fits none is an error.");
  rename->add_option("in", request->in, "The file to read: a checkpoint, .npz or .safetensors")
      ->required()
      ->type_name("IN");
  rename->add_option("out", request->out, "The file to write; it may be IN itself")
      ->required()
      ->type_name("OUT");
  rename->add_option("--map", request->names, "The variable OLD becomes NEW; may be given several times")
      ->type_name("OLD=NEW")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  rename->add_option("--prefix", request->prefixes, "Names that begin with OLD begin with NEW; several times")
      ->type_name("OLD=NEW")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  rename
      ->add_option(
          "--regex", request->expressions,
          "Each match of the regular expression becomes NEW, in which $1 is its first group; several times")
      ->type_name("OLD=NEW")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  rename->add_flag("--dry-run", request->dry_run, "Print the new names and write nothing");
  add_compress_option(*rename, request->compression_level);
  rename->footer(
      "Examples:\n"
      "  varscope rename model.h5 renamed.h5 --map conv1/w=conv1/weights\n"
      "  varscope rename model.h5 renamed.h5 --prefix model_weights/= --prefix old_scope/=new_scope/\n"
      "  varscope rename model.h5 renamed.h5 --regex '^layers/([0-9]+)/=layer$1/' --dry-run");
  rename->callback([request] {
    if (request->names.empty() && request->prefixes.empty() && request->expressions.empty())
      throw InvalidArgumentError("there is nothing to rename; give --map, --prefix or --regex");
    run_rename(*request);
  });
}

}  // namespace varscope::tools
