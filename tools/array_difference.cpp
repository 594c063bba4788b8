// SPDX-License-Identifier: Apache-2.0
#include "array_difference.hpp"

#include "text_table.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

namespace varscope::tools {

namespace {

template <typename Element>
std::string element_text(Element element) {
  if constexpr (std::is_floating_point_v<Element>) {
    return formatted("%.*g", std::numeric_limits<Element>::max_digits10, static_cast<double>(element));
  } else {
    return std::to_string(element);
  }
}

template <typename Element>
double distance(Element a, Element b) {
  if constexpr (std::is_floating_point_v<Element>) {
    if (std::isnan(a) && std::isnan(b)) return 0;
    if (!std::isfinite(a) || !std::isfinite(b)) return a == b ? 0 : std::numeric_limits<double>::infinity();
    return std::fabs(static_cast<double>(a) - static_cast<double>(b));
  } else {  // without overflow, and without rounding to zero
    const auto low = static_cast<std::uint64_t>(a < b ? a : b);
    const auto high = static_cast<std::uint64_t>(a < b ? b : a);
    return static_cast<double>(high - low);
  }
}

template <typename Element>
ArrayDifference difference_of_elements(const Array& first, const Array& second, const Tolerance& tolerance) {
  const auto a = first.values<Element>();
  const auto b = second.values<Element>();
  ArrayDifference result;
  std::size_t place = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double by = distance(a[k], b[k]);
    if (by == 0) continue;
    const double allowed = tolerance.absolute + tolerance.relative * std::fabs(static_cast<double>(b[k]));
    if (std::isfinite(by) && by <= allowed) continue;
    if (++result.different == 1 || by > result.largest) {
      result.largest = by;
      place = k;
    }
  }
  if (result.different == 0) return result;
  result.first = element_text(a[place]);
  result.second = element_text(b[place]);
  result.index.resize(static_cast<std::size_t>(first.shape().rank()));
  for (std::size_t axis = result.index.size(); axis-- > 0;) {
    const auto extent = static_cast<std::size_t>(first.shape()[static_cast<int>(axis)]);
    result.index[axis] = static_cast<std::int64_t>(place % extent);
    place /= extent;
  }
  return result;
}

}  // namespace

ArrayDifference difference_of(const Array& first, const Array& second, const Tolerance& tolerance) {
  switch (first.dtype()) {
    case DType::float32:
      return difference_of_elements<float>(first, second, tolerance);
    case DType::float64:
      return difference_of_elements<double>(first, second, tolerance);
    case DType::int32:
      return difference_of_elements<std::int32_t>(first, second, tolerance);
    case DType::int64:
      return difference_of_elements<std::int64_t>(first, second, tolerance);
    case DType::uint8:
      return difference_of_elements<std::uint8_t>(first, second, tolerance);
    case DType::boolean:
      return difference_of_elements<bool>(first, second, tolerance);
  }
  return {};
}

}  // namespace varscope::tools
