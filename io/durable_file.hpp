// SPDX-License-Identifier: Apache-2.0
// Publication of a file: all of it or nothing, whatever happens.
#pragma once

#include "file_system.hpp"

#include <functional>
#include <string>

namespace varscope::io {

/// Makes the file `path`, with the content that `write` gives it, so that a crash at any instant leaves the
/// file that was there before, or the whole new one: written beside under a name of its own, flushed to the
/// device, renamed into place, and the directory flushed.
///
/// Files beside that writers left behind in the directory, killed before they were done, are removed first.
/// Their names tell host, process and number, and only what nobody holds locked is taken for left behind.
///
/// Throws what `write` and the file system throw. Then the file beside is removed, and what was at `path` is
/// untouched; only if flushing the directory failed, the last step, `path` already holds the new file, whole,
/// without a promise that it survives a power cut. Calls for different paths are independent; of two calls
/// for one path at once one wins, whole.
void write_durably(FileSystem& files, const std::string& path,
                   const std::function<void(WritableFile&)>& write);

}  // namespace varscope::io
