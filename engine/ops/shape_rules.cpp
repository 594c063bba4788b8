// SPDX-License-Identifier: Apache-2.0
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>

#include <algorithm>

namespace varscope::detail {

std::string to_string(const TensorSpec& spec) {
  return std::string(dtype_name(spec.dtype)) + spec.shape.to_string();
}

void require_dtype(const TensorSpec& spec, std::string_view parameter, std::initializer_list<DType> allowed) {
  if (std::find(allowed.begin(), allowed.end(), spec.dtype) != allowed.end()) return;
  std::string list;
  for (const DType* dtype = allowed.begin(); dtype != allowed.end(); ++dtype) {
    if (dtype != allowed.begin()) list += dtype + 1 == allowed.end() ? " or " : ", ";
    list += dtype_name(*dtype);
  }
  throw TypeError("'" + std::string(parameter) + "' is " + to_string(spec) + ", but must be " + list +
                  "; convert it with cast()");
}

void require_number(const TensorSpec& spec, std::string_view parameter) {
  require_dtype(spec, parameter, {DType::float32, DType::float64, DType::int32, DType::int64});
}

void require_floating(const TensorSpec& spec, std::string_view parameter) {
  require_dtype(spec, parameter, {DType::float32, DType::float64});
}

void require_same_dtype(const TensorSpec& first, std::string_view first_parameter, const TensorSpec& second,
                        std::string_view second_parameter) {
  if (first.dtype == second.dtype) return;
  throw TypeError("'" + std::string(first_parameter) + "' is " + to_string(first) + " and '" +
                  std::string(second_parameter) + "' is " + to_string(second) +
                  ", but both must have one dtype; convert one with cast()");
}

Shape with_rank(const TensorSpec& spec, std::string_view parameter, int rank, std::string_view layout) {
  if (!spec.shape.has_rank()) return unknown_of_rank(rank);
  if (spec.shape.rank() == rank) return spec.shape;
  throw ValueError("'" + std::string(parameter) + "' is " + to_string(spec) + ", but must have rank " +
                   std::to_string(rank) + ": " + std::string(layout));
}

int axis_from_start(int axis, int rank, const TensorSpec& spec, std::string_view parameter) {
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw ValueError("axis " + std::to_string(axis) + " is out of range for '" + std::string(parameter) +
                   "', which is " + to_string(spec) +
                   (rank == 0
                        ? ": a scalar has no axis"
                        : ": it must be from " + std::to_string(-rank) + " to " + std::to_string(rank - 1)));
}

Shape unknown_of_rank(int rank) {
  return Shape(std::vector<std::int64_t>(static_cast<std::size_t>(rank), unknown_dimension));
}

std::int64_t product(const Shape& shape, int first, int last) noexcept {
  std::int64_t result = 1;
  for (int axis = first; axis < last; ++axis) result *= shape[axis];
  return result;
}

}  // namespace varscope::detail
