// SPDX-License-Identifier: Apache-2.0
// Advice for who named something that is not there.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace varscope::tools {

/// The name that is most like `wanted`; empty if none is like it.
std::string nearest_name(std::string_view wanted, std::span<const std::string> names);

/// What to do about a path without a file: the nearest name in its directory, what is there with one of these
/// endings, or which directory is missing. A sentence that follows an error message: "; ...".
std::string missing_file_advice(const std::string& path, std::span<const std::string_view> endings);

/// What a directory has that was named instead of a file in it, as missing_file_advice().
std::string directory_advice(const std::string& path, std::span<const std::string_view> endings);

}  // namespace varscope::tools
