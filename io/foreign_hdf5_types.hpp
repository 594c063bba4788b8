// SPDX-License-Identifier: Apache-2.0
// What the elements of a foreign dataset are, and which of varscope's types holds them.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>

#include <cstdint>
#include <string>

namespace varscope::io {

/// How the elements come into an array.
enum class ElementReading {
  convert,      // libhdf5 converts; the array's type holds every value
  unsigned_64,  // as uint64, if all values fit
  boolean,      // as they are, if all are 0 or 1
  bfloat16,     // two bytes without a meaning to libhdf5, the upper half of a float32
};

struct ForeignType {
  std::string name;  // "float16"
  DType dtype = DType::float32;
  ElementReading reading = ElementReading::convert;
  std::uint64_t stored_bytes = 0;  // of one element
  std::string refusal;             // why no array holds such elements; empty if one does
};

/// Of an open dataset. Throws RuntimeError for what libhdf5 refuses. Requires: an Hdf5Turn.
ForeignType foreign_type_of(std::int64_t dataset);

/// Reads all elements of an open dataset into an array of its shape and of the type's dtype. Returns why its
/// values cannot be taken; empty if they were. Throws RuntimeError for what libhdf5 refuses. Requires: an
/// Hdf5Turn.
std::string read_foreign_elements(std::int64_t dataset, const ForeignType& type, Array& into);

}  // namespace varscope::io
