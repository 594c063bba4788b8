// SPDX-License-Identifier: Apache-2.0
// The program `varscope`. Exit status: 0 done, 1 the work failed, 2 the command line was wrong (diff: see
// there).
#include "command.hpp"
#include "utf8.hpp"

#include <varscope/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

int report(const std::string& kind, const char* message) {
  std::fflush(stdout);
  std::fprintf(stderr, "varscope: %s: %s\n", kind.c_str(), varscope::tools::printable(message).c_str());
  return 1;
}

}  // namespace

void varscope::tools::print_error(const Error& error) {
  report(std::string(error_name(error.code())), error.what());
}

int main(int argc, char** argv) {
  CLI::App program(
      "Looks into varscope checkpoints, verifies, compares and converts them, tries variable scopes out, and "
      "measures varscope's kernels.",
      "varscope");
  program.set_version_flag("--version", std::string("varscope " VARSCOPE_VERSION));
  program.require_subcommand(1);
  program.footer(
      "Examples:\n"
      "  varscope inspect demo-output/filter-1000.h5\n"
      "  varscope verify checkpoints/*.h5\n"
      "  varscope diff filter-1000.h5 filter-2000.h5\n"
      "  varscope convert model.weights.h5 model.h5 --from hdf5\n"
      "  varscope scopes sharing.txt --svg sharing.svg\n"
      "  varscope bench conv --layers perf/layers/conv_layers.csv --only 'seed_*' --peer onednn\n"
      "  varscope info\n"
      "\n"
      "'varscope COMMAND --help' explains a command.");
  varscope::tools::add_inspect_command(program);
  varscope::tools::add_verify_command(program);
  varscope::tools::add_diff_command(program);
  varscope::tools::add_rename_command(program);
  varscope::tools::add_extract_command(program);
  varscope::tools::add_merge_command(program);
  varscope::tools::add_convert_command(program);
  varscope::tools::add_scopes_command(program);
  varscope::tools::add_bench_command(program);
  varscope::tools::add_info_command(program);

  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& success) {  // --help, --version
    return program.exit(success);
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> unknown = program.remaining(true);  // CLI11 itself does not name them
    if (!unknown.empty()) std::fprintf(stderr, "varscope: unknown argument '%s'\n", unknown.front().c_str());
    program.exit(error);
    return 2;
  } catch (const varscope::tools::ExitStatus& end) {
    return end.status;
  } catch (const varscope::Error& error) {
    varscope::tools::print_error(error);
    return 1;
  } catch (const std::exception& error) {
    return report("unexpected error", error.what());
  }
}
