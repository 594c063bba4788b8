// SPDX-License-Identifier: Apache-2.0
// Values of partitioned variables: the whole, and what its parts have of it (SEMANTICS R2, SV7).
#pragma once

#include <varscope/array.hpp>
#include <varscope/export.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/shape.hpp>
#include <varscope/variable.hpp>

#include <span>

namespace varscope {

/// The elements of `whole` in the box of the shape `part` at the place that `info` tells. Requires: `whole`
/// has the full shape of `info`, and the part differs from it along one axis at most. Throws
/// ResourceExhaustedError if there is no memory for it. Thread-safe.
VARSCOPE_API Array cut_partition(const Array& whole, const PartitionInfo& info, const Shape& part);

/// The value of a partitioned variable, put together from those of its parts. Requires: one value of the
/// right shape and dtype for each of variable.partitions(), in their order. Throws ResourceExhaustedError if
/// there is no memory for it. Thread-safe.
VARSCOPE_API Array join_partitions(const Variable& variable, std::span<const Array> parts);

}  // namespace varscope
