// SPDX-License-Identifier: Apache-2.0
// What somebody may have meant who asked for a name that does not exist.
#pragma once

#include <varscope/export.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {

/// The names that are near the wanted one, nearest first; at most three. Near is: by a third of its
/// characters at most to be put in, left out or replaced, or with the same last component ("old/weights" for
/// "new/weights"). Names of more than 256 bytes are not compared. Thread-safe.
VARSCOPE_API std::vector<std::string> nearest_names(std::string_view wanted,
                                                    std::span<const std::string> names);

}  // namespace varscope
