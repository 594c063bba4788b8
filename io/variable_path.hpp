// SPDX-License-Identifier: Apache-2.0
// Where a variable stands in a checkpoint: "conv1/weights" is the dataset "weights:0" in the group "conv1".
//
// The ":0" keeps the variables `a` and `a/b` apart, since one HDF5 link cannot be both a dataset and a group.
// What HDF5 cannot carry in a link is percent-encoded, so that different names always have different paths:
//   - a byte outside printable ASCII, and '%' and ':' themselves, become '%' and two upper-case hex digits,
//   - the scope components "." and ".." become "%2E" and "%2E%2E",
//   - an empty scope component, as in "foo//v", becomes a single "%".
// The exact name stands in the dataset's attribute `name` as well.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::io {

/// Longest name of a variable in a checkpoint, in bytes: three times as much, the length when every byte is
/// encoded, still fits in one HDF5 message (64 KiB).
inline constexpr std::size_t kMaxVariableNameBytes = 16384;

/// Most scopes around a variable: libhdf5's time to open groups in each other grows with the square of their
/// number.
inline constexpr std::size_t kMaxScopeDepth = 1024;

/// The HDF5 links from the root to the dataset: {"conv1", "weights:0"}. Thread-safe.
/// Throws ValueError if the name is empty, longer than kMaxVariableNameBytes, or within more than
/// kMaxScopeDepth scopes.
std::vector<std::string> variable_path_links(std::string_view name);

/// Whether a checkpoint can hold a variable of this name. Thread-safe.
bool is_storable_name(std::string_view name) noexcept;

/// The same in one string, "/conv1/weights:0".
std::string variable_path(std::string_view name);

/// How many bytes it has. Thread-safe.
std::size_t variable_path_bytes(std::string_view name) noexcept;

/// Appends it. Requires: is_storable_name(name). Thread-safe.
void append_variable_path(std::string& path, std::string_view name);

}  // namespace varscope::io
