// SPDX-License-Identifier: Apache-2.0
// Broadcasting as in numpy: shapes are aligned at their last dimensions, and a dimension of 1 is repeated.
#pragma once

#include "graph/op_definition.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// The shape of a function of x and y. Throws ValueError, naming both, if they do not broadcast. An unknown
/// dimension beside one greater than 1 becomes that; beside 1 or another unknown one it stays unknown.
Shape broadcast_shape(const TensorSpec& x, const TensorSpec& y);

/// How to walk over the result of a broadcast: the fewest dimensions that describe it, outermost first.
struct BroadcastWalk {
  struct Dimension {
    std::int64_t extent = 1;
    std::int64_t x_step = 0;  // elements of x from one index to the next; 0: repeated
    std::int64_t y_step = 0;
  };
  std::vector<Dimension> outer;
  Dimension inner;  // steps are 0 or 1
};

/// Requires: both shapes fully known and broadcastable.
BroadcastWalk plan_broadcast(const Shape& x, const Shape& y);

/// Calls run(offset in x, offset in y, offset in the result, count) for the elements [first, last) of the
/// result, in order; within a run the operands advance as `walk.inner` says.
template <typename Run>
void for_each_run(const BroadcastWalk& walk, std::int64_t first, std::int64_t last, Run&& run) noexcept {
  const std::int64_t extent = walk.inner.extent;
  for (std::int64_t position = first; position < last;) {
    std::int64_t index = position / extent;
    const std::int64_t within = position % extent;
    std::int64_t x = within * walk.inner.x_step;
    std::int64_t y = within * walk.inner.y_step;
    for (auto dimension = walk.outer.rbegin(); dimension != walk.outer.rend(); ++dimension) {
      const std::int64_t here = index % dimension->extent;
      index /= dimension->extent;
      x += here * dimension->x_step;
      y += here * dimension->y_step;
    }
    const std::int64_t count = std::min(extent - within, last - position);
    run(x, y, position, count);
    position += count;
  }
}

}  // namespace varscope::detail
