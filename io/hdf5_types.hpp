// SPDX-License-Identifier: Apache-2.0
// The types and spaces of HDF5 that checkpoints use, byte for byte as libhdf5 writes them; what reads and
// what writes object headers share them. Section numbers refer to the HDF5 File Format Specification,
// version 3.0.
#pragma once

#include <varscope/dtype.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace varscope::io {

// Datatype messages (IV.A.2.d): class and version, three bytes of class bits, the size in 4 bytes, then bit
// offset and precision in 2 bytes each (and of floating-point numbers where exponent and mantissa are, and
// the exponent's bias).

inline constexpr std::string_view kFloat32Type{"\x11\x20\x1f\0\4\0\0\0\0\0\x20\0\x17\x08\0\x17\x7f\0\0\0",
                                               20};
inline constexpr std::string_view kFloat64Type{"\x11\x20\x3f\0\x08\0\0\0\0\0\x40\0\x34\x0b\0\x34\xff\x03\0\0",
                                               20};
inline constexpr std::string_view kInt32Type{"\x10\x08\0\0\4\0\0\0\0\0\x20\0", 12};
inline constexpr std::string_view kInt64Type{"\x10\x08\0\0\x08\0\0\0\0\0\x40\0", 12};
inline constexpr std::string_view kUint8Type{"\x10\0\0\0\1\0\0\0\0\0\x08\0", 12};
inline constexpr std::string_view kUint32Type{"\x10\0\0\0\4\0\0\0\0\0\x20\0", 12};
/// An enumeration of two members over int8: FALSE is 0, TRUE is 1.
inline constexpr std::string_view kBooleanType{
    "\x38\2\0\0\1\0\0\0"
    "\x10\x08\0\0\1\0\0\0\0\0\x08\0"
    "FALSE\0TRUE\0"
    "\0\1",
    33};

/// In the order of the codes that the digest uses (docs/checkpoint_format.md).
inline constexpr std::array<std::pair<std::string_view, DType>, 6> kElementTypes = {{
    {kFloat32Type, DType::float32},
    {kFloat64Type, DType::float64},
    {kInt32Type, DType::int32},
    {kInt64Type, DType::int64},
    {kUint8Type, DType::uint8},
    {kBooleanType, DType::boolean},
}};

/// A string of fixed length, padded with zeros, in UTF-8; its size follows in 4 bytes.
inline constexpr std::string_view kTextTypePrefix{"\x13\x11\0\0", 4};

// Filters (IV.A.2.l), by HDF5's numbers.
inline constexpr std::uint16_t kDeflateFilter = 1;
inline constexpr std::uint16_t kShuffleFilter = 2;

// Dataspace messages (IV.A.2.b) of attributes.
inline constexpr std::string_view kScalarSpace{"\2\0\0\0", 4};
inline constexpr std::string_view kListSpacePrefix{"\2\1\0\1",
                                                   4};  ///< one axis; its extent follows in 8 bytes

}  // namespace varscope::io
