// SPDX-License-Identifier: Apache-2.0
// How one part of a partitioned variable starts.
#pragma once

#include "scope/initializer_body.hpp"

#include <varscope/initializer.hpp>
#include <varscope/partitioner.hpp>

namespace varscope::detail {

/// A value is cut; anything else makes the part, scaled by the full shape where fans count (SEMANTICS R11).
Initializer initializer_of_part(const Initializer& whole, const PartitionInfo& info, const Shape& part);

}  // namespace varscope::detail
