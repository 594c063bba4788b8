// SPDX-License-Identifier: Apache-2.0
// The header of numpy's .npy: the text of a Python dictionary that says type, order and shape.
#pragma once

#include "stored_elements.hpp"

#include <varscope/dtype.hpp>
#include <varscope/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

/// Longest header that is read. Those of arrays without fields have 128 bytes or little more.
inline constexpr std::size_t kMaxNpyHeaderBytes = 65536;

struct NpyHeader {
  StoredType type = StoredType::float32;
  ByteOrder order = ByteOrder::little;
  bool fortran_order = false;
  std::vector<std::int64_t> dimensions = {};
  std::uint64_t elements = 1;
  std::string problem = {};  // why this is no array of numbers or bools; empty if it is, else nothing counts
};

/// Parses "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }". Throws InvalidArgumentError that
/// says what is wrong with the text.
NpyHeader parse_npy_header(std::string_view text);

/// Everything before the elements: magic, version 1.0, length, and the text, padded to a multiple of 64.
std::string npy_header(DType dtype, const Shape& shape);

}  // namespace varscope::tools
