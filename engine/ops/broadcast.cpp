// SPDX-License-Identifier: Apache-2.0
#include "ops/broadcast.hpp"

#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>

namespace varscope::detail {

namespace {

/// Dimension `axis` of the shape once it has been given leading ones up to `rank`.
std::int64_t aligned_dimension(const Shape& shape, int rank, int axis) noexcept {
  const int own_axis = axis - (rank - shape.rank());
  return own_axis < 0 ? 1 : shape[own_axis];
}

}  // namespace

Shape broadcast_shape(const TensorSpec& x, const TensorSpec& y) {
  if (!x.shape.has_rank() || !y.shape.has_rank()) return Shape::unknown();
  const int rank = std::max(x.shape.rank(), y.shape.rank());
  std::vector<std::int64_t> dimensions(static_cast<std::size_t>(rank));
  for (int axis = 0; axis < rank; ++axis) {
    const std::int64_t from_x = aligned_dimension(x.shape, rank, axis);
    const std::int64_t from_y = aligned_dimension(y.shape, rank, axis);
    std::int64_t& result = dimensions[static_cast<std::size_t>(axis)];
    if (from_x == from_y || from_y == 1) {
      result = from_x;
    } else if (from_x == 1) {
      result = from_y;
    } else if (from_x == unknown_dimension || from_y == unknown_dimension) {
      result = std::max(from_x, from_y);
    } else {
      throw ValueError("'x' is " + to_string(x) + " and 'y' is " + to_string(y) +
                       ", which do not broadcast: " + std::to_string(from_x) + " is not " +
                       std::to_string(from_y) + "; aligned at the last, dimensions must be equal or 1");
    }
  }
  return Shape(std::move(dimensions));
}

BroadcastWalk plan_broadcast(const Shape& x, const Shape& y) {
  const int rank = std::max(x.rank(), y.rank());
  std::vector<BroadcastWalk::Dimension> walk;  // innermost first
  std::int64_t x_elements = 1;
  std::int64_t y_elements = 1;
  for (int axis = rank - 1; axis >= 0; --axis) {
    const std::int64_t from_x = aligned_dimension(x, rank, axis);
    const std::int64_t from_y = aligned_dimension(y, rank, axis);
    const std::int64_t extent = from_x == 1 ? from_y : from_x;
    if (extent == 1) continue;
    const BroadcastWalk::Dimension dimension{extent, from_x == 1 ? 0 : x_elements,
                                             from_y == 1 ? 0 : y_elements};
    x_elements *= from_x;
    y_elements *= from_y;
    // Two dimensions are one where both operands either repeat over both or advance through both.
    if (!walk.empty() && (walk.back().x_step == 0) == (dimension.x_step == 0) &&
        (walk.back().y_step == 0) == (dimension.y_step == 0)) {
      walk.back().extent *= extent;
    } else {
      walk.push_back(dimension);
    }
  }
  BroadcastWalk result;
  result.inner = {1, 1, 1};
  if (!walk.empty()) {
    result.inner = walk.front();
    result.outer.assign(walk.rbegin(), walk.rend() - 1);
  }
  return result;
}

}  // namespace varscope::detail
