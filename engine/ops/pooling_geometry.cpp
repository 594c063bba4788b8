// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling_geometry.hpp"

#include "ops/shape_rules.hpp"
#include "ops/window.hpp"

namespace varscope::detail {

namespace {

WindowPositions pool_positions(const Shape& in, int axis, const PoolOptions& options) {
  const auto option = static_cast<std::size_t>(axis);
  return window_positions(in[axis], options.ksize[option], options.strides[option], 1, options.padding,
                          axis == 1 ? "height" : "width");
}

}  // namespace

Shape pool_output_shape(const TensorSpec& value, const PoolOptions& options) {
  require_spatial(options.ksize, "ksize");
  require_spatial(options.strides, "strides");
  const Shape in = with_rank(value, "value", 4, "[batch, height, width, channels]");
  return {in[0], pool_positions(in, 1, options).out, pool_positions(in, 2, options).out, in[3]};
}

simd::Pool2DShape pool_kernel_shape(const Shape& in, const Shape& out, const PoolOptions& options) {
  return {.batch = in[0],
          .in_height = in[1],
          .in_width = in[2],
          .channels = in[3],
          .out_height = out[1],
          .out_width = out[2],
          .window_height = options.ksize[1],
          .window_width = options.ksize[2],
          .stride_height = options.strides[1],
          .stride_width = options.strides[2],
          .pad_top = pool_positions(in, 1, options).pad_before,
          .pad_left = pool_positions(in, 2, options).pad_before};
}

}  // namespace varscope::detail
