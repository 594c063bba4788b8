// SPDX-License-Identifier: Apache-2.0
#include <varscope/error.hpp>
#include <varscope/partitioner.hpp>

#include <algorithm>

namespace varscope {

namespace {

void require_positive(const char* partitioner, const char* parameter, std::int64_t value) {
  if (value >= 1) return;
  throw ValueError(std::string(partitioner) + ": " + parameter + " must be at least 1, not " +
                   std::to_string(value));
}

void require_axis(const char* partitioner, int axis, const Shape& shape) {
  if (axis >= 0 && axis < shape.rank()) return;
  throw ValueError(std::string(partitioner) + ": axis " + std::to_string(axis) + " is not one of the shape " +
                   shape.to_string());
}

/// `parts` along one axis, 1 along the others.
std::vector<std::int64_t> along(int axis, std::int64_t parts, const Shape& shape) {
  std::vector<std::int64_t> partitions(static_cast<std::size_t>(shape.rank()), 1);
  partitions[static_cast<std::size_t>(axis)] = parts;
  return partitions;
}

std::int64_t ceil_divide(std::int64_t dividend, std::int64_t divisor) {
  return dividend / divisor + (dividend % divisor != 0 ? 1 : 0);
}

}  // namespace

Partitioner fixed_size_partitioner(std::int64_t num_shards, int axis) {
  require_positive("fixed_size_partitioner", "num_shards", num_shards);
  return [num_shards, axis](const Shape& shape, DType) {
    require_axis("fixed_size_partitioner", axis, shape);
    return along(axis, std::min(num_shards, shape[axis]), shape);
  };
}

Partitioner variable_axis_size_partitioner(std::int64_t max_shard_bytes, int axis,
                                           std::optional<std::int64_t> max_shards) {
  require_positive("variable_axis_size_partitioner", "max_shard_bytes", max_shard_bytes);
  if (max_shards) require_positive("variable_axis_size_partitioner", "max_shards", *max_shards);
  return [=](const Shape& shape, DType dtype) {
    require_axis("variable_axis_size_partitioner", axis, shape);
    const std::int64_t extent = std::max<std::int64_t>(shape[axis], 1);
    const std::int64_t slice_bytes =
        shape.num_elements() / extent * static_cast<std::int64_t>(dtype_size(dtype));
    const std::int64_t slices =
        std::max<std::int64_t>(1, max_shard_bytes / std::max<std::int64_t>(1, slice_bytes));
    const std::int64_t shards = ceil_divide(extent, slices);
    return along(axis, std::min(shards, max_shards.value_or(shards)), shape);
  };
}

Partitioner min_max_variable_partitioner(std::int64_t max_partitions, int axis, std::int64_t min_slice_size) {
  require_positive("min_max_variable_partitioner", "max_partitions", max_partitions);
  require_positive("min_max_variable_partitioner", "min_slice_size", min_slice_size);
  return [=](const Shape& shape, DType dtype) {
    require_axis("min_max_variable_partitioner", axis, shape);
    const std::int64_t bytes = shape.num_elements() * static_cast<std::int64_t>(dtype_size(dtype));
    const std::int64_t wanted = std::min({shape[axis], max_partitions, ceil_divide(bytes, min_slice_size)});
    return along(axis, std::max<std::int64_t>(1, wanted), shape);
  };
}

PartitionInfo::PartitionInfo(Shape full_shape, std::vector<std::int64_t> var_offset)
    : full_shape_(std::move(full_shape)), var_offset_(std::move(var_offset)) {
  if (!full_shape_.fully_known() || static_cast<std::size_t>(full_shape_.rank()) != var_offset_.size()) {
    throw ValueError("PartitionInfo: the offset must have one number for each dimension of the full shape " +
                     full_shape_.to_string() + ", not " + std::to_string(var_offset_.size()));
  }
  for (int axis = 0; axis < full_shape_.rank(); ++axis) {
    const std::int64_t offset = var_offset_[static_cast<std::size_t>(axis)];
    if (offset >= 0 && (offset < full_shape_[axis] || offset == 0)) continue;
    throw ValueError("PartitionInfo: the offset " + std::to_string(offset) + " along axis " +
                     std::to_string(axis) + " lies outside of the full shape " + full_shape_.to_string());
  }
}

std::int64_t PartitionInfo::single_offset(const Shape& part_shape) const {
  const std::optional<int> axis = single_slice_dim(part_shape);
  return axis ? var_offset_[static_cast<std::size_t>(*axis)] : 0;
}

std::optional<int> PartitionInfo::single_slice_dim(const Shape& part_shape) const {
  const auto refuse = [&](const std::string& why) {
    throw ValueError("PartitionInfo: a part of shape " + part_shape.to_string() + " in the full shape " +
                     full_shape_.to_string() + ": " + why);
  };
  if (!part_shape.fully_known() || part_shape.rank() != full_shape_.rank()) refuse("the ranks differ");
  std::optional<int> sliced;
  for (int axis = 0; axis < full_shape_.rank(); ++axis) {
    if (var_offset_[static_cast<std::size_t>(axis)] + part_shape[axis] > full_shape_[axis]) {
      refuse("it sticks out along axis " + std::to_string(axis));
    }
    if (part_shape[axis] == full_shape_[axis]) continue;
    if (sliced)
      refuse("it is cut along axis " + std::to_string(*sliced) + " and axis " + std::to_string(axis));
    sliced = axis;
  }
  return sliced;
}

}  // namespace varscope
