// SPDX-License-Identifier: Apache-2.0
// Random shapes and arrays of every dtype.
#pragma once

#include "support/random.hpp"

#include <varscope/array.hpp>

namespace varscope::testing {

/// Extents uniform on [1, largest].
Shape random_shape(Random& random, int rank, std::int64_t largest);

/// Elements uniform on [low, high), whole numbers for integer dtypes.
Array random_array(Random& random, const Shape& shape, DType dtype, double low = -1, double high = 1);

}  // namespace varscope::testing
