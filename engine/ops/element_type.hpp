// SPDX-License-Identifier: Apache-2.0
// From a dtype at run time to a C++ type at compile time.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/error.hpp>

#include <string>

namespace varscope::detail {

template <typename T>
struct ElementType {
  using type = T;
};

/// Gives visit(ElementType<T>{}) for the one of the listed types that holds `dtype`. Throws
/// UnimplementedError if none does.
template <typename First, typename... Rest, typename Visitor>
auto visit_element_type(DType dtype, Visitor&& visit) -> decltype(visit(ElementType<First>{})) {
  if (dtype == dtype_of<First>) return visit(ElementType<First>{});
  if constexpr (sizeof...(Rest) > 0) {
    return visit_element_type<Rest...>(dtype, visit);
  } else {
    throw UnimplementedError("there is no kernel for " + std::string(dtype_name(dtype)));
  }
}

}  // namespace varscope::detail
