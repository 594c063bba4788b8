// SPDX-License-Identifier: Apache-2.0
// Files that appear whole or not at all, for formats other than the checkpoint: as write_checkpoint() does
// it.
#pragma once

#include <varscope/export.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace varscope {

/// Puts bytes behind those that are there already. Throws what write_file_atomically() throws.
using AppendBytes = std::function<void(std::span<const std::byte>)>;

/// Makes the file `path` with what `write` appends. It is written beside, flushed to the device, renamed to
/// `path`, and the directory is flushed: a crash at any instant leaves what was there before, or the whole
/// new file. Throws what `write` throws, ValueError for a path that is empty or a directory's, and otherwise
/// what the system's reason says, as write_checkpoint(); then `path` is as before. Thread-safe.
VARSCOPE_API void write_file_atomically(const std::string& path,
                                        const std::function<void(const AppendBytes&)>& write);

}  // namespace varscope
