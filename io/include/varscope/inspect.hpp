// SPDX-License-Identifier: Apache-2.0
// What the values in a checkpoint are like, without loading them.
#pragma once

#include <varscope/checkpoint.hpp>
#include <varscope/export.hpp>

#include <cstdint>
#include <string_view>

namespace varscope {

/// About the elements of one variable. A bool counts as 0 or 1. NaNs are counted, and left out of the rest.
struct VariableStatistics {
  double min = 0;   ///< NaN if there are no elements but NaNs; so are max and mean
  double max = 0;   ///< int64 beyond 2^53 are rounded
  double mean = 0;  ///< summed in double precision
  std::int64_t elements = 0;
  std::int64_t nans = 0;
  std::int64_t infinities = 0;
};

/// Reads a variable's data once, through a small buffer, and verifies its checksum. Throws what
/// CheckpointReader::read() throws, but needs no memory for the whole value. Thread-safe.
VARSCOPE_API VariableStatistics variable_statistics(const CheckpointReader& checkpoint,
                                                    std::string_view name);

}  // namespace varscope
