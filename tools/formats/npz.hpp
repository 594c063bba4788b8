// SPDX-License-Identifier: Apache-2.0
// numpy's .npz: a zip archive of .npy files, one an array. The member "conv1/weights.npy" is the variable
// "conv1/weights".
#pragma once

#include "file_contents.hpp"

#include <span>
#include <string>

namespace varscope::tools {

/// Reads an archive whose members are stored or deflated, also with zip64, of .npy versions 1 to 3. Members
/// that are no arrays of numbers or bools are skipped; a pickled object is never looked into. Every offset is
/// checked and every checksum of what is read compared; members may not overlap; no memory is asked for that
/// the member's compressed size does not justify. Throws what InputFile throws, InvalidArgumentError for what
/// is no zip archive or is encrypted, DataLossError for what is damaged or hostile.
FileContents read_npz(const std::string& path, const ReportBytes& report);

struct NpzOptions {
  bool deflate = false;  // where that makes a member smaller
};

/// Writes the variables, all or nothing; equal variables give equal bytes. Throws ValueError for a name that
/// is not UTF-8 or has a NUL, which zip archives do not have, otherwise what write_file_atomically() throws.
void write_npz(const std::string& path, std::span<const std::pair<std::string, Array>> variables,
               const NpzOptions& options, const ReportBytes& report);

}  // namespace varscope::tools
