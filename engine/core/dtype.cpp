// SPDX-License-Identifier: Apache-2.0
#include <varscope/dtype.hpp>
#include <varscope/error.hpp>

#include <string>

namespace varscope {

std::string_view dtype_name(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::float64:
      return "float64";
    case DType::int32:
      return "int32";
    case DType::int64:
      return "int64";
    case DType::uint8:
      return "uint8";
    case DType::boolean:
      return "bool";
  }
  return "unknown";
}

DType dtype_from_name(std::string_view name) {
  for (DType dtype :
       {DType::float32, DType::float64, DType::int32, DType::int64, DType::uint8, DType::boolean}) {
    if (dtype_name(dtype) == name) return dtype;
  }
  throw ValueError("unknown dtype '" + std::string(name) +
                   "'; the known ones are float32, float64, int32, int64, uint8 and bool");
}

}  // namespace varscope
