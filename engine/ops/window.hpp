// SPDX-License-Identifier: Apache-2.0
// Windows that move over an image: the arithmetic of strides, dilations and padding, which convolution and
// pooling share. Formulas: tf.nn.convolution.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/nn_ops.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace varscope::detail {

/// One dimension of a window's positions.
struct WindowPositions {
  std::int64_t out = unknown_dimension;
  std::int64_t pad_before = 0;  // meaningful only if `out` is known
};

/// `extent` is the image's, -1 if unknown, as `window` may be. `dimension` ("height") is for the message.
/// Throws ValueError if a VALID window is larger than the image.
WindowPositions window_positions(std::int64_t extent, std::int64_t window, std::int64_t stride,
                                 std::int64_t dilation, Padding padding, std::string_view dimension);

/// Throws ValueError unless all four are positive and the first and last are 1. `option` is their name.
void require_spatial(const std::array<int, 4>& values, std::string_view option);

}  // namespace varscope::detail
