// SPDX-License-Identifier: Apache-2.0
// Element types of arrays, tensors and variables, named as TensorFlow names them.
#pragma once

#include <varscope/export.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace varscope {

/// The element type of an Array, Tensor or Variable.
enum class DType : std::uint8_t { float32, float64, int32, int64, uint8, boolean };

inline constexpr DType float32 = DType::float32;
inline constexpr DType float64 = DType::float64;
inline constexpr DType int32 = DType::int32;
inline constexpr DType int64 = DType::int64;
inline constexpr DType uint8 = DType::uint8;
inline constexpr DType boolean = DType::boolean;

/// TensorFlow's name of the type: "float32", "float64", "int32", "int64", "uint8", "bool". Thread-safe.
VARSCOPE_API std::string_view dtype_name(DType dtype) noexcept;

/// The type with that name; throws ValueError that lists the known names. Thread-safe.
VARSCOPE_API DType dtype_from_name(std::string_view name);

/// Bytes of one element. Thread-safe.
constexpr std::size_t dtype_size(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
    case DType::int32:
      return 4;
    case DType::float64:
    case DType::int64:
      return 8;
    case DType::uint8:
    case DType::boolean:
      return 1;
  }
  return 0;
}

constexpr bool is_floating(DType dtype) noexcept {
  return dtype == DType::float32 || dtype == DType::float64;
}

/// The DType that holds a C++ element type; defined for float, double, int32_t, int64_t, uint8_t and bool.
template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::float64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::int32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::int64;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::uint8;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};
template <typename T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace varscope
