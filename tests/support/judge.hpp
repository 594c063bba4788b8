// SPDX-License-Identifier: Apache-2.0
// Compares what the library computed with what a test worked out in double precision.
#pragma once

#include <varscope/array.hpp>

#include <algorithm>
#include <vector>

namespace varscope::testing {

/// The elements as doubles (int64 beyond 2^53 excepted, exact), and back (which rounds).
std::vector<double> to_doubles(const Array& array);
Array from_float64(const Array& values, DType dtype);

/// Right values, and for each how large the numbers were that it was summed from: an error of a few
/// epsilons of that is unavoidable.
struct Expected {
  Shape shape;
  std::vector<double> values;
  std::vector<double> magnitudes;

  explicit Expected(const Shape& of_shape)
      : shape(of_shape),
        values(static_cast<std::size_t>(of_shape.num_elements())),
        magnitudes(static_cast<std::size_t>(of_shape.num_elements())) {}

  /// Adds a term to element `index`.
  void add(std::size_t index, double term) {
    values[index] += term;
    magnitudes[index] += term < 0 ? -term : term;
  }

  /// Gives every element the largest magnitude: by Winograd an error is relative to the neighbours that share
  /// a transform, and a pixel in the corner has few terms of its own.
  void share_magnitudes() {
    if (magnitudes.empty()) return;
    const double largest = *std::max_element(magnitudes.begin(), magnitudes.end());
    std::fill(magnitudes.begin(), magnitudes.end(), largest);
  }
};

/// Fails unless shape and dtype agree and every element lies within `epsilons` of its magnitude (at least of
/// its value), an epsilon being that of the dtype; integers must be equal. NaN and infinities must be at the
/// same places.
void check_close(const Array& actual, DType dtype, const Expected& expected, double epsilons);

/// Fails unless every element is what `expected` has, rounded to the dtype.
void check_equal(const Array& actual, DType dtype, const Expected& expected);

}  // namespace varscope::testing
