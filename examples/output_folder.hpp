// SPDX-License-Identifier: Apache-2.0
// The folder that an example writes into.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace example {

/// Makes it unless it is there. Throws std::runtime_error that says what to do.
inline void make_output_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    throw std::runtime_error("cannot make the folder '" + path + "': " + error.message() +
                             "; --output takes another one");
}

}  // namespace example
