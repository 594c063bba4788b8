// SPDX-License-Identifier: Apache-2.0
// What the formats beside the checkpoint have in common: the variables of a file, and what it has besides.
#pragma once

#include <varscope/array.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace varscope::tools {

using NamedArrays = std::vector<std::pair<std::string, Array>>;

/// Something in a file that is no variable, and why.
struct SkippedItem {
  std::string name;
  std::string reason;
};

struct FileContents {
  NamedArrays variables;  // sorted by name
  std::optional<std::int64_t> global_step = std::nullopt;
  std::vector<SkippedItem> skipped = {};
};

/// Called with the number of bytes of values that were read or written since the last call.
using ReportBytes = std::function<void(std::uint64_t)>;

}  // namespace varscope::tools
