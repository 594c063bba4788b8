// SPDX-License-Identifier: Apache-2.0
#include "support/random_arrays.hpp"

#include "support/judge.hpp"

#include <cmath>

namespace varscope::testing {

Shape random_shape(Random& random, int rank, std::int64_t largest) {
  std::vector<std::int64_t> dimensions;
  for (int axis = 0; axis < rank; ++axis) dimensions.push_back(random.integer<std::int64_t>(1, largest));
  return Shape(std::move(dimensions));
}

Array random_array(Random& random, const Shape& shape, DType dtype, double low, double high) {
  Array values(shape, DType::float64);
  for (double& value : values.values<double>()) {
    value = static_cast<double>(random.uniform(static_cast<float>(low), static_cast<float>(high)));
    if (!is_floating(dtype)) value = std::floor(value);
  }
  return from_float64(values, dtype);
}

}  // namespace varscope::testing
