// SPDX-License-Identifier: Apache-2.0
// Conversion of elements between dtypes: cast() of math, and of constants while a graph is built.
#pragma once

#include <varscope/dtype.hpp>

#include <cstdint>

namespace varscope::detail {

/// Converts `count` elements, as documented at varscope::cast().
using ConvertElements = void (*)(const void* source, void* destination, std::int64_t count) noexcept;

/// The conversion for that pair of dtypes; every pair has one.
ConvertElements element_conversion(DType from, DType to) noexcept;

}  // namespace varscope::detail
