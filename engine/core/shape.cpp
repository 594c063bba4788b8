// SPDX-License-Identifier: Apache-2.0
#include <varscope/error.hpp>
#include <varscope/shape.hpp>

namespace varscope {

namespace {

void require_valid(const std::vector<std::int64_t>& dimensions) {
  for (std::int64_t dimension : dimensions) {
    if (dimension < unknown_dimension) {
      throw ValueError("a shape cannot have the dimension " + std::to_string(dimension) +
                       "; use -1 for a dimension that is not known yet");
    }
  }
}

}  // namespace

Shape::Shape(std::initializer_list<std::int64_t> dimensions) : dimensions_(dimensions) {
  require_valid(dimensions_);
}

Shape::Shape(std::vector<std::int64_t> dimensions) : dimensions_(std::move(dimensions)) {
  require_valid(dimensions_);
}

Shape Shape::unknown() {
  Shape shape;
  shape.known_rank_ = false;
  return shape;
}

bool Shape::fully_known() const noexcept {
  if (!known_rank_) return false;
  for (std::int64_t dimension : dimensions_) {
    if (dimension < 0) return false;
  }
  return true;
}

std::int64_t Shape::num_elements() const {
  if (!fully_known()) {
    throw ValueError("the number of elements of shape " + to_string() +
                     " is not known: every dimension must be");
  }
  std::int64_t product = 1;
  for (std::int64_t dimension : dimensions_) {
    if (__builtin_mul_overflow(product, dimension, &product)) {
      throw ValueError("shape " + to_string() + " has more elements than 63 bits can count");
    }
  }
  return product;
}

bool Shape::compatible_with(const Shape& other) const noexcept {
  if (!known_rank_ || !other.known_rank_) return true;
  if (rank() != other.rank()) return false;
  for (int axis = 0; axis < rank(); ++axis) {
    const std::int64_t mine = dimension(axis);
    const std::int64_t theirs = other.dimension(axis);
    if (mine >= 0 && theirs >= 0 && mine != theirs) return false;
  }
  return true;
}

Shape Shape::merged_with(const Shape& other) const {
  if (!compatible_with(other)) {
    throw ValueError("shapes " + to_string() + " and " + other.to_string() + " are not compatible");
  }
  if (!known_rank_) return other;
  if (!other.known_rank_) return *this;
  Shape merged = *this;
  for (std::size_t axis = 0; axis < dimensions_.size(); ++axis) {
    if (merged.dimensions_[axis] < 0) merged.dimensions_[axis] = other.dimensions_[axis];
  }
  return merged;
}

std::string Shape::to_string() const {
  if (!known_rank_) return "<unknown>";
  std::string text = "[";
  for (std::size_t axis = 0; axis < dimensions_.size(); ++axis) {
    if (axis > 0) text += ',';
    text += dimensions_[axis] < 0 ? "?" : std::to_string(dimensions_[axis]);
  }
  return text + "]";
}

}  // namespace varscope
