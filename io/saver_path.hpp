// SPDX-License-Identifier: Apache-2.0
// Which file a save writes (SEMANTICS SV8 to SV11).
#pragma once

#include "file_system.hpp"

#include <varscope/saver.hpp>

#include <string>

namespace varscope::io {

/// "a-7.h5" for "a" and the step 7. Throws ValueError for paths that cannot be saved to. Thread-safe.
std::string saver_path(FileSystem& files, const std::string& given, const SaveOptions& options,
                       bool pad_step_number);

}  // namespace varscope::io
