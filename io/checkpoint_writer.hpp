// SPDX-License-Identifier: Apache-2.0
// Writes checkpoint files through a FileSystem. The public form, on the operating system's files, is in
// varscope/checkpoint.hpp; it documents the errors.
#pragma once

#include "file_system.hpp"

#include <varscope/checkpoint.hpp>

#include <span>
#include <string>
#include <utility>

namespace varscope::io {

/// As varscope::write_checkpoint().
void write_checkpoint(FileSystem& files, const std::string& path,
                      std::span<const std::pair<std::string, Array>> variables,
                      const WriteCheckpointOptions& options);

}  // namespace varscope::io
