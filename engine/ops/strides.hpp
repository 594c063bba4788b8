// SPDX-License-Identifier: Apache-2.0
// Where an element lies: row-major strides, and a walk over the outer dimensions of a block.
#pragma once

#include <varscope/shape.hpp>

#include <cstdint>
#include <vector>

namespace varscope::detail {

/// One dimension of a walk, with the distance in elements from one index to the next.
struct StridedDimension {
  std::int64_t extent = 1;
  std::int64_t stride = 0;
};

/// Offset of item `index` of a row-major walk over the dimensions, outermost first.
inline std::int64_t strided_offset(const std::vector<StridedDimension>& dimensions,
                                   std::int64_t index) noexcept {
  std::int64_t offset = 0;
  for (auto dimension = dimensions.rbegin(); dimension != dimensions.rend(); ++dimension) {
    offset += index % dimension->extent * dimension->stride;
    index /= dimension->extent;
  }
  return offset;
}

/// Elements from one index of each dimension to the next. Requires: fully known.
inline std::vector<std::int64_t> row_major_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.dimensions().size());
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

}  // namespace varscope::detail
