// SPDX-License-Identifier: Apache-2.0
// How the elements of two arrays differ.
#pragma once

#include <varscope/array.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace varscope::tools {

/// Elements a and b are the same if |a - b| <= absolute + relative * |b|. A NaN is the same as a NaN only, an
/// infinity as the same infinity only.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
};

struct ArrayDifference {
  std::int64_t different = 0;            // elements that are not the same
  double largest = 0;                    // |a - b| among them; infinite beside a NaN or an infinity
  std::vector<std::int64_t> index = {};  // where that is, first of several
  std::string first = {}, second = {};   // the two elements there, exactly
};

/// Requires: equal shapes and dtypes.
ArrayDifference difference_of(const Array& first, const Array& second, const Tolerance& tolerance);

}  // namespace varscope::tools
