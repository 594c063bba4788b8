// SPDX-License-Identifier: Apache-2.0
// Where the program is that shows what is in a checkpoint.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace example {

/// The varscope program of the build that this program belongs to, if it was built.
inline std::string inspect_program() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = self.parent_path().parent_path() / "tools" / "varscope";
  if (error || !std::filesystem::exists(beside, error)) return "varscope";
  return std::filesystem::proximate(beside, error).string();
}

}  // namespace example
