// SPDX-License-Identifier: Apache-2.0
// What somebody may have meant who asked for a name that does not exist.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::io {

/// The names that are near the wanted one, nearest first; at most three. Thread-safe.
std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> names);

/// The end of an error message: "; the nearest names are 'a', 'b'", "; it holds no variables at all", or, if
/// nothing is near, the first few names that there are. At most three names. Thread-safe.
std::string describe_nearest_names(std::string_view wanted, std::span<const std::string> names);

}  // namespace varscope::io
