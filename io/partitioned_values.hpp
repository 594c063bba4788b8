// SPDX-License-Identifier: Apache-2.0
// Values of partitioned variables: a checkpoint holds the whole, a graph its parts (SEMANTICS SV7).
#pragma once

#include <varscope/array.hpp>
#include <varscope/variable.hpp>

#include <span>

namespace varscope::io {

/// The value of a partitioned variable, put together from those of its parts. Requires: one value of the
/// right shape and dtype for each of variable.partitions(), in their order. Thread-safe.
Array join_partitions(const Variable& variable, std::span<const Array> parts);

/// What a part has of its partitioned variable's value. Requires: `part` is one, and `whole` has the shape of
/// its partitioned_variable(). Thread-safe.
Array partition_of(const Array& whole, const Variable& part);

}  // namespace varscope::io
