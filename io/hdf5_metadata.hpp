// SPDX-License-Identifier: Apache-2.0
// The metadata of a checkpoint, made by libhdf5: superblock, groups, datasets, attributes.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace varscope::io {

/// What the metadata says of one variable.
struct VariableMetadata {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
  std::uint32_t crc32c = 0;  ///< of its data
};

/// The metadata of a checkpoint of these variables, in memory, from byte 0 of the file on. Equal variables
/// give equal bytes, in whatever order they come. No dataset has space for its data yet, and the superblock
/// still needs its final size and checksum; checkpoint_writer.cpp fills in both. No file is touched.
///
/// Throws ValueError for a name that variable_path() refuses, RuntimeError with libhdf5's account if it
/// fails. Thread-safe.
std::vector<std::byte> make_hdf5_metadata(std::span<const VariableMetadata> variables,
                                          std::optional<std::int64_t> global_step);

}  // namespace varscope::io
