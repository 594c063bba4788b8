// SPDX-License-Identifier: Apache-2.0
// The subcommands of the program `varscope`, each in a file of its own.
#pragma once

namespace CLI {
class App;
}

namespace varscope::tools {

/// Each adds one subcommand, whose callback does the work when the command line is parsed and throws
/// varscope::Error if it cannot.
void add_inspect_command(CLI::App& program);
void add_scopes_command(CLI::App& program);
void add_bench_command(CLI::App& program);
void add_info_command(CLI::App& program);

}  // namespace varscope::tools
