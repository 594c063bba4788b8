// SPDX-License-Identifier: Apache-2.0
// What a checkpoint in memory holds.
#pragma once

#include "memory_file_system.hpp"
#include "named_arrays.hpp"
#include "open_checkpoint.hpp"

#include <string>

namespace varscope::testing {

// Everything that a checkpoint with this content holds. Throws what reading it throws.
inline NamedArrays read_all(const std::string& content) {
  MemoryFileSystem files(content);
  const detail::OpenCheckpoint checkpoint(files, "memory.h5");
  NamedArrays variables;
  for (const CheckpointEntry& entry : checkpoint.entries()) {
    Array array = Array::uninitialized(entry.shape, entry.dtype);
    checkpoint.read(entry, {static_cast<std::byte*>(array.data()), array.num_bytes()});
    variables.emplace_back(entry.name, std::move(array));
  }
  return variables;
}

}  // namespace varscope::testing
