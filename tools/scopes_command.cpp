// SPDX-License-Identifier: Apache-2.0
// varscope scopes: runs scope programs, to see what a program of scopes and variables would be given.
#include "command.hpp"
#include "missing_file.hpp"
#include "scope_batch.hpp"
#include "scope_program.hpp"
#include "scope_program_runner.hpp"
#include "scope_tree.hpp"

#include <varscope/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

namespace varscope::tools {

namespace {

struct ScopesRequest {
  std::vector<std::string> files;
  bool batch = false;
  std::size_t show = 5;
  bool explain = false;
  bool dot = false;
  std::string svg;
};

std::string name_in_messages(const std::string& file) {
  return file == "-" ? "standard input" : file;
}

std::string whole_text(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) {
      throw NotFoundError(
          "cannot read the scope program '" + file + "'" + missing_file_advice(file, {}) +
          "; 'varscope scopes --help' shows a program to begin with; '-' reads standard input");
    }
  }
  std::istream& stream = file == "-" ? std::cin : opened;
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) throw NotFoundError("cannot read the scope program '" + file + "'");
  return text;
}

void write_text(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream) throw NotFoundError("cannot write the picture '" + file + "'");
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void run_program(const ScopesRequest& request) {
  if (request.files.size() != 1)
    throw InvalidArgumentError("more than one file: '" + request.files[1] +
                               "'; only --batch takes several programs at once");
  const std::string& file = request.files.front();
  const ScopeProgram program = parse_scope_program(name_in_messages(file), whole_text(file));
  using Messages = ScopeProgramRunner::Messages;
  ScopeProgramRunner runner(program, request.explain ? Messages::show : Messages::hide);
  try {
    runner.run();
  } catch (const Error&) {
    print(runner.output());
    throw;
  }
  print(request.dot ? to_dot(runner.tree()) : runner.output());
  if (!request.svg.empty()) write_text(request.svg, to_svg(runner.tree()));
}

void run_batch(const ScopesRequest& request) {
  BatchResult total;
  for (const std::string& file : request.files) {
    std::string reports;
    const std::size_t show = request.show - std::min(request.show, total.differ);
    const BatchResult result = run_scope_batch(name_in_messages(file), whole_text(file), show, reports);
    print(reports);
    total.programs += result.programs;
    total.lines += result.lines;
    total.differ += result.differ;
  }
  std::printf("%zu program%s, %zu line%s, %zu differ\n", total.programs, total.programs == 1 ? "" : "s",
              total.lines, total.lines == 1 ? "" : "s", total.differ);
  if (total.differ > 0)
    throw FailedPreconditionError(std::to_string(total.differ) + " of " + std::to_string(total.programs) +
                                  " programs did not print what their file expects");
}

}  // namespace

void add_scopes_command(CLI::App& program) {
  const auto request = std::make_shared<ScopesRequest>();
  CLI::App* scopes = program.add_subcommand(
      "scopes",
      "Run a scope program: a small text that opens variable scopes, asks for variables and makes ops. "
      "Prints "
      "which names came out, what is shared and what was refused. docs/scope_programs.md has the language.");
  scopes->add_option("file", request->files, "The program; - is standard input")
      ->required()
      ->type_name("FILE");
  CLI::Option* batch = scopes->add_flag(
      "--batch", request->batch,
      "Each FILE holds many programs with what they must print ('program NAME', statements, 'expect', lines, "
      "'done'). Exit status 1 if any prints something else");
  scopes
      ->add_option("--show", request->show, "How many programs of a batch that differ are shown (default 5)")
      ->type_name("N")
      ->needs(batch);
  scopes
      ->add_flag("--explain", request->explain,
                 "After each refusal its message, as lines that begin with '#'")
      ->excludes(batch);
  scopes
      ->add_flag("--dot", request->dot,
                 "Print, instead of the lines, the scopes and variables that the program left, for Graphviz")
      ->excludes(batch);
  scopes
      ->add_option("--svg", request->svg,
                   "Draw the scopes and variables that the program left into a file too")
      ->type_name("OUT.svg")
      ->excludes(batch);
  scopes->footer(
      "A program, sharing.txt:\n"
      "  variable_scope conv1 as=first\n"
      "    get_variable weights [5,5,32,32]\n"
      "  end\n"
      "  variable_scope @first reuse=true\n"
      "    get_variable weights [5,5,32,32]     # the same variable\n"
      "    get_variable biases [32]             # ValueError: there is none to share\n"
      "  end\n"
      "\n"
      "Examples:\n"
      "  varscope scopes sharing.txt\n"
      "  varscope scopes sharing.txt --explain\n"
      "  varscope scopes sharing.txt --svg sharing.svg\n"
      "  varscope scopes sharing.txt --dot | dot -Tpng -o sharing.png\n"
      "  echo 'get_variable v [3] regularizer=0.1' | varscope scopes -\n"
      "  varscope scopes --batch expected-1.txt expected-2.txt --show 20");
  scopes->callback([request] {
    if (request->batch) {
      run_batch(*request);
    } else {
      run_program(*request);
    }
  });
}

}  // namespace varscope::tools
