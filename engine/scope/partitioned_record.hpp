// SPDX-License-Identifier: Apache-2.0
// PartitionedRecord: what a partitioned Variable points to.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/shape.hpp>
#include <varscope/tensor.hpp>
#include <varscope/variable.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace varscope::detail {

/// Immutable. Made after its parts, which are variables like any other.
class PartitionedRecord {
 public:
  /// `partitions` is what the partitioner gave. Requires: at least one part.
  PartitionedRecord(std::string name, Shape shape, DType dtype, std::vector<std::int64_t> partitions,
                    std::vector<Variable> parts)
      : name_(std::move(name)),
        shape_(std::move(shape)),
        dtype_(dtype),
        partitions_(std::move(partitions)),
        parts_(std::move(parts)) {}

  const std::string& name() const noexcept { return name_; }
  const Shape& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  const std::vector<std::int64_t>& partitions() const noexcept { return partitions_; }
  const std::vector<Variable>& parts() const noexcept { return parts_; }

  /// The axis that is cut; 0 if there is one part.
  int axis() const noexcept {
    for (std::size_t axis = 0; axis < partitions_.size(); ++axis) {
      if (partitions_[axis] > 1) return static_cast<int>(axis);
    }
    return 0;
  }

  /// Where a part lies in the whole: behind those before it. Requires: there is such a part.
  PartitionInfo info(std::size_t part) const {
    std::vector<std::int64_t> offset(partitions_.size(), 0);
    for (std::size_t before = 0; before < part; ++before) {
      offset[static_cast<std::size_t>(axis())] += parts_[before].shape()[axis()];
    }
    return PartitionInfo(shape_, std::move(offset));
  }

 private:
  const std::string name_;
  const Shape shape_;
  const DType dtype_;
  const std::vector<std::int64_t> partitions_;
  const std::vector<Variable> parts_;
};

/// The handle, for whoever is given it: then its parts know it (VariableRecord::part_of()), also if the
/// thread that made it has not got to that yet. Wait-free.
Variable variable_of(const PartitionedRecord& record) noexcept;

/// The parts put together by new operations: `<name>/ConcatPartitions/concat` and, called `<name>`, an
/// Identity (SEMANTICS R3). Defined in ops/, which knows how to concatenate.
Tensor concatenate_partitions(const PartitionedRecord& record);

}  // namespace varscope::detail
