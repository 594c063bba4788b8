// SPDX-License-Identifier: Apache-2.0
// ConvLayer: the shape of one convolution layer, and the CSV files that list them.
#pragma once

#include <varscope/shape.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

enum class ConvPadding { same, valid };

/// One line of a layer file: NHWC input [n,h,w,c], `k` filters of `r` x `s`, the same stride and dilation in
/// both directions.
struct ConvLayer {
  std::string name;
  std::int64_t n = 1;
  std::int64_t h = 1;
  std::int64_t w = 1;
  std::int64_t c = 1;
  std::int64_t k = 1;
  std::int64_t r = 1;
  std::int64_t s = 1;
  std::int64_t stride = 1;
  ConvPadding padding = ConvPadding::same;
  std::int64_t groups = 1;
  std::int64_t dilation = 1;

  /// TensorFlow's rule: ceil(in / stride) for SAME, ceil((in - window + 1) / stride) for VALID.
  std::int64_t out_height() const noexcept;
  std::int64_t out_width() const noexcept;
  /// Zero rows above and below, TensorFlow's SAME rule: the odd one goes below.
  std::int64_t pad_top() const noexcept;
  std::int64_t pad_bottom() const noexcept;
  std::int64_t pad_left() const noexcept;
  std::int64_t pad_right() const noexcept;

  Shape input_shape() const { return {n, h, w, c}; }
  Shape filter_shape() const { return {r, s, c / groups, k}; }
  Shape output_shape() const { return {n, out_height(), out_width(), k}; }

  /// 2 * n * oh * ow * k * (c / groups) * r * s: a multiplication and an addition each, whatever the
  /// algorithm.
  double floating_point_operations() const noexcept;
};

/// Reads a layer file: the header `name,n,h,w,c,k,r,s,stride,pad,groups,dilation`, then a layer a line; empty
/// lines and lines that start with # are skipped. Throws NotFoundError if the file cannot be read, and
/// InvalidArgumentError with file:line and the offending text if a line is malformed.
std::vector<ConvLayer> read_conv_layers(const std::string& path);

/// The layers whose name matches the shell pattern ("seed_*"). Throws NotFoundError that lists the names if
/// none does.
std::vector<ConvLayer> select_conv_layers(const std::vector<ConvLayer>& layers, const std::string& pattern);

}  // namespace varscope::tools
