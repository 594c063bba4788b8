// SPDX-License-Identifier: Apache-2.0
// What several initializers refuse, in the same words.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/error.hpp>

#include <cmath>
#include <string>
#include <string_view>

namespace varscope::detail {

inline void require_finite(std::string_view initializer, std::string_view parameter, double value) {
  if (std::isfinite(value)) return;
  throw ValueError(std::string(initializer) + ": " + std::string(parameter) + " is not finite");
}

inline void require_floating(std::string_view initializer, DType dtype) {
  if (is_floating(dtype)) return;
  throw ValueError(std::string(initializer) + " makes float32 and float64, not " +
                   std::string(dtype_name(dtype)));
}

}  // namespace varscope::detail
