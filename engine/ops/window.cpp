// SPDX-License-Identifier: Apache-2.0
#include "ops/window.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <string>

namespace varscope::detail {

WindowPositions window_positions(std::int64_t extent, std::int64_t window, std::int64_t stride,
                                 std::int64_t dilation, Padding padding, std::string_view dimension) {
  if (extent == unknown_dimension) return {};
  if (padding == Padding::same) {
    const std::int64_t out = (extent + stride - 1) / stride;
    if (window == unknown_dimension) return {out, 0};
    const std::int64_t covered = (window - 1) * dilation + 1;
    return {out, std::max<std::int64_t>(0, (out - 1) * stride + covered - extent) / 2};
  }
  if (window == unknown_dimension) return {};
  const std::int64_t covered = (window - 1) * dilation + 1;
  if (covered > extent) {
    throw ValueError("the window's " + std::string(dimension) + " of " + std::to_string(window) +
                     (dilation > 1 ? " (" + std::to_string(covered) + " with its dilation)" : "") +
                     " is larger than the image's " + std::to_string(extent) +
                     ", so no VALID window fits; use Padding::same or a larger image");
  }
  return {(extent - covered) / stride + 1, 0};
}

void require_spatial(const std::array<int, 4>& values, std::string_view option) {
  const std::string list = "[" + std::to_string(values[0]) + "," + std::to_string(values[1]) + "," +
                           std::to_string(values[2]) + "," + std::to_string(values[3]) + "]";
  if (std::any_of(values.begin(), values.end(), [](int value) { return value < 1; })) {
    throw ValueError("." + std::string(option) + " is " + list + ", but each of them must be at least 1");
  }
  if (values[0] != 1 || values[3] != 1) {
    throw ValueError("." + std::string(option) + " is " + list +
                     ", but the first (batch) and the last (channels) must be 1");
  }
}

}  // namespace varscope::detail
