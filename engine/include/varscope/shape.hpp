// SPDX-License-Identifier: Apache-2.0
// Shapes, fully or partly known, as TensorFlow's TensorShape: a rank that may be unknown, and dimensions that
// may be unknown (-1).
#pragma once

#include <varscope/export.hpp>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace varscope {

/// Stands for a dimension that is not known while the graph is built: `Shape{-1, 64, 64, 32}`.
inline constexpr std::int64_t unknown_dimension = -1;

/// The extents of an array or tensor, outermost first (NHWC for images, HWIO for filters).
/// A value type: copies are independent, const members are safe from any thread.
class VARSCOPE_API Shape {
 public:
  /// A scalar: rank 0, one element.
  Shape() = default;

  /// Dimensions in order; -1 is unknown. Throws ValueError for anything below -1.
  Shape(std::initializer_list<std::int64_t> dimensions);
  explicit Shape(std::vector<std::int64_t> dimensions);

  /// The shape of which not even the rank is known.
  static Shape unknown();

  bool has_rank() const noexcept { return known_rank_; }
  bool fully_known() const noexcept;

  /// Requires: has_rank().
  int rank() const noexcept { return static_cast<int>(dimensions_.size()); }

  /// Dimension `axis`, -1 if unknown. Requires: 0 <= axis < rank().
  std::int64_t operator[](int axis) const noexcept { return dimensions_[static_cast<std::size_t>(axis)]; }
  std::int64_t dimension(int axis) const noexcept { return (*this)[axis]; }
  const std::vector<std::int64_t>& dimensions() const noexcept { return dimensions_; }

  /// Product of the dimensions. Throws ValueError if the shape is not fully known, or if the product does not
  /// fit in 63 bits.
  std::int64_t num_elements() const;

  /// Whether one concrete shape could satisfy both: ranks agree or are unknown, and so do all dimensions.
  bool compatible_with(const Shape& other) const noexcept;

  /// What is known of a shape that satisfies both. Throws ValueError, naming both, if they are not
  /// compatible.
  Shape merged_with(const Shape& other) const;

  /// "[5,5,32,32]", "[?,64]", "[]" for a scalar, "<unknown>" without rank.
  std::string to_string() const;

  /// Equal rank and equal dimensions, unknown ones included.
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<std::int64_t> dimensions_;
  bool known_rank_ = true;
};

}  // namespace varscope
