// SPDX-License-Identifier: Apache-2.0
// Partitioners: into how many parts a variable is cut. A partitioned variable is one name with several
// variables behind it, `<name>/part_0`, `<name>/part_1`, ... (SEMANTICS R).
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>
#include <varscope/shared_function.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace varscope {

/// From the full shape and the dtype to the number of parts along each axis, at most one of them above 1. Of
/// n elements in k parts the first n mod k parts get one more. get_variable() throws ValueError if there is
/// not one number for each axis, one is below 1 or above the axis' extent, or two are above 1.
class Partitioner : public SharedFunction<std::vector<std::int64_t>(const Shape&, DType)> {
 public:
  using SharedFunction::SharedFunction;
};

/// min(num_shards, extent) parts along `axis`. Throws ValueError if num_shards is below 1 or the axis
/// negative; the partitioner does if the shape has no such axis. (tf.fixed_size_partitioner)
VARSCOPE_API Partitioner fixed_size_partitioner(std::int64_t num_shards, int axis = 0);

/// As many parts along `axis` as keep each within `max_shard_bytes` (but at least one slice each), at most
/// `max_shards`. Throws ValueError for sizes below 1. (tf.variable_axis_size_partitioner)
VARSCOPE_API Partitioner variable_axis_size_partitioner(
    std::int64_t max_shard_bytes, int axis = 0, std::optional<std::int64_t> max_shards = std::nullopt);

/// At most `max_partitions` parts along `axis`, as many as leave each at least `min_slice_size` bytes.
/// Throws ValueError for sizes below 1. (tf.min_max_variable_partitioner)
VARSCOPE_API Partitioner min_max_variable_partitioner(std::int64_t max_partitions = 1, int axis = 0,
                                                      std::int64_t min_slice_size = 256 << 10);

/// Where a part lies in the whole (TensorFlow's _PartitionInfo): its offset in a full shape.
class VARSCOPE_API PartitionInfo {
 public:
  /// Throws ValueError if the ranks differ or an offset lies outside.
  PartitionInfo(Shape full_shape, std::vector<std::int64_t> var_offset);

  const Shape& full_shape() const noexcept { return full_shape_; }
  const std::vector<std::int64_t>& var_offset() const noexcept { return var_offset_; }

  /// The offset along the axis in which a part of that shape differs from the whole; 0 if in none. Throws as
  /// single_slice_dim().
  std::int64_t single_offset(const Shape& part_shape) const;

  /// That axis, nullopt if the part is the whole. Throws ValueError if the ranks differ, the part sticks out,
  /// or it differs along two axes.
  std::optional<int> single_slice_dim(const Shape& part_shape) const;

 private:
  Shape full_shape_;
  std::vector<std::int64_t> var_offset_;
};

}  // namespace varscope
