// SPDX-License-Identifier: Apache-2.0
// The safetensors format: eight bytes with the length of a JSON header, the header, the tensors' bytes.
#pragma once

#include "file_contents.hpp"

#include <span>
#include <string>

namespace varscope::tools {

/// Longest header, the format's own limit.
inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

/// Reads a file by the format's rules, all of them: a header of at most 100 MB that begins with '{', no key
/// twice, no other keys than the format has; each tensor's range has the bytes of shape x dtype; the ranges
/// cover everything behind the header without a hole and without an overlap. Tensors of a type that no array
/// holds (float8, complex) are skipped. The text "global_step" of `__metadata__` is the global step. Throws
/// what InputFile throws, InvalidArgumentError for what is no safetensors file, DataLossError, naming the
/// tensor and the bytes, for one that breaks the rules.
FileContents read_safetensors(const std::string& path, const ReportBytes& report);

/// Writes the variables, all or nothing: larger elements first, so that all are aligned; equal variables give
/// equal bytes. Throws ValueError for a name that is not UTF-8, or "__metadata__", ResourceExhaustedError for
/// a header above its limit, otherwise what write_file_atomically() throws.
void write_safetensors(const std::string& path, std::span<const std::pair<std::string, Array>> variables,
                       std::optional<std::int64_t> global_step, const ReportBytes& report);

}  // namespace varscope::tools
