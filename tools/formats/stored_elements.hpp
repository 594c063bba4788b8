// SPDX-License-Identifier: Apache-2.0
// Element types of other formats, and how their elements become those of an Array.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace varscope::tools {

enum class StoredType : std::uint8_t {
  boolean,
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
};

enum class ByteOrder : std::uint8_t { little, big };

/// Bytes of one element.
std::size_t stored_size(StoredType type) noexcept;

/// The type that holds every value; for uint64, int64, which holds those below 2^63.
DType dtype_for(StoredType type) noexcept;

/// Whether the elements need no conversion: they can be read to where the array has them.
bool is_stored_alike(StoredType type, ByteOrder order) noexcept;

/// Converts all elements of an array. Requires: `from` has stored_size() bytes for each element of `into`,
/// whose dtype is dtype_for(type).
void convert_elements(std::span<const std::byte> from, StoredType type, ByteOrder order, Array& into);

/// Why these values, now in an array, cannot be taken: a uint64 of 2^63 or more, a bool that is neither 0 nor
/// 1. Empty if they can.
std::string value_problem(StoredType type, const Array& array);

}  // namespace varscope::tools
