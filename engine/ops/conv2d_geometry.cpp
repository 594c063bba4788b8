// SPDX-License-Identifier: Apache-2.0
#include "ops/conv2d_geometry.hpp"

#include "ops/shape_rules.hpp"
#include "ops/window.hpp"

#include <varscope/error.hpp>

#include <string>

namespace varscope::detail {

namespace {

void require_channels(const TensorSpec& image, const Shape& in, const TensorSpec& filter,
                      const Shape& window) {
  const std::string given = "'input' is " + to_string(image) + " and 'filter' is " + to_string(filter);
  for (int axis = 0; axis < 4; ++axis) {
    if (window[axis] == 0) throw ValueError(given + ", but a filter cannot be empty");
  }
  // What is not known yet is checked by the run, which knows all of it.
  if (in[3] == unknown_dimension || window[2] == unknown_dimension) return;
  if (in[3] == 0 || in[3] % window[2] != 0) {
    throw ValueError(given + ": the input's " + std::to_string(in[3]) +
                     " channels are no multiple of the filter's " + std::to_string(window[2]));
  }
  const std::int64_t groups = in[3] / window[2];
  if (window[3] != unknown_dimension && window[3] % groups != 0) {
    throw ValueError(given + ": that makes " + std::to_string(groups) + " groups, but the " +
                     std::to_string(window[3]) + " out channels are no multiple of that");
  }
}

WindowPositions positions(const Shape& in, const Shape& window, int dimension, const Conv2DOptions& options) {
  const auto option = static_cast<std::size_t>(dimension + 1);
  return window_positions(in[dimension + 1], window[dimension], options.strides[option],
                          options.dilations[option], options.padding, dimension == 0 ? "height" : "width");
}

}  // namespace

Shape conv2d_output_shape(const TensorSpec& image, const TensorSpec& filter, const Conv2DOptions& options) {
  require_spatial(options.strides, "strides");
  require_spatial(options.dilations, "dilations");
  require_conv2d_algorithm(options);
  const Shape in = with_rank(image, "input", 4, "[batch, height, width, channels]");
  const Shape window =
      with_rank(filter, "filter", 4, "[height, width, channels of the input / groups, out channels]");
  require_channels(image, in, filter, window);
  const WindowPositions rows = positions(in, window, 0, options);
  const WindowPositions columns = positions(in, window, 1, options);
  return {in[0], rows.out, columns.out, window[3]};
}

simd::Conv2DShape conv2d_kernel_shape(const Shape& image, const Shape& filter, const Shape& out,
                                      const Conv2DOptions& options) {
  return {.batch = image[0],
          .in_height = image[1],
          .in_width = image[2],
          .in_channels = image[3],
          .out_height = out[1],
          .out_width = out[2],
          .out_channels = out[3],
          .filter_height = filter[0],
          .filter_width = filter[1],
          .stride_height = options.strides[1],
          .stride_width = options.strides[2],
          .dilation_height = options.dilations[1],
          .dilation_width = options.dilations[2],
          .pad_top = positions(image, filter, 0, options).pad_before,
          .pad_left = positions(image, filter, 1, options).pad_before,
          .groups = image[3] / filter[2]};
}

double multiply_adds(const simd::Conv2DShape& shape) noexcept {
  return static_cast<double>(shape.batch * shape.out_height * shape.out_width) *
         static_cast<double>(shape.out_channels * shape.filter_height * shape.filter_width) *
         static_cast<double>(shape.in_channels / shape.groups);
}

void require_conv2d_algorithm(const Conv2DOptions& options) {
  auto found = simd::Conv2DAlgorithm::automatic;
  if (options.algorithm.empty() || simd::find_conv2d_algorithm(options.algorithm, &found)) return;
  std::string list;
  for (const std::string& name : conv2d_algorithms()) list += (list.empty() ? "" : ", ") + name;
  throw ValueError("there is no algorithm '" + options.algorithm + "'; the known ones are " + list);
}

simd::Conv2DAlgorithm conv2d_algorithm_of(const Conv2DOptions& options) noexcept {
  auto found = simd::Conv2DAlgorithm::automatic;
  simd::find_conv2d_algorithm(options.algorithm, &found);
  return found;
}

simd::Conv2DAccuracy conv2d_accuracy_of(const Conv2DOptions& options) noexcept {
  return options.accuracy == Accuracy::strict ? simd::Conv2DAccuracy::strict : simd::Conv2DAccuracy::fast;
}

}  // namespace varscope::detail
