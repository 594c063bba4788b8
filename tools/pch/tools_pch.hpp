// SPDX-License-Identifier: Apache-2.0
// Precompiled for the program: what parses the command line and writes JSON is large. Each file includes what
// it uses all the same: -Db_pch=false.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
