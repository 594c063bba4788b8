// SPDX-License-Identifier: Apache-2.0
// The subcommands of the program `varscope`, each in a file of its own.
#pragma once

namespace CLI {
class App;
}

namespace varscope {
class Error;
}

namespace varscope::tools {

/// Thrown by a command that has said everything, to end the program with this status.
struct ExitStatus {
  int status;
};

/// Prints "varscope: NotFoundError: ..." on standard error.
void print_error(const Error& error);

/// Adds "--compress LEVEL" to a command that writes checkpoints.
void add_compress_option(CLI::App& command, int& level);

/// Each adds one subcommand, whose callback does the work when the command line is parsed and throws
/// varscope::Error if it cannot.
void add_inspect_command(CLI::App& program);
void add_verify_command(CLI::App& program);
void add_diff_command(CLI::App& program);
void add_rename_command(CLI::App& program);
void add_extract_command(CLI::App& program);
void add_merge_command(CLI::App& program);
void add_convert_command(CLI::App& program);
void add_scopes_command(CLI::App& program);
void add_bench_command(CLI::App& program);
void add_info_command(CLI::App& program);

}  // namespace varscope::tools
