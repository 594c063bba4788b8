// SPDX-License-Identifier: Apache-2.0
// What the machine says about itself: for the header of every table of measurements.
#pragma once

#include <string>

namespace varscope::tools {

/// "AMD EPYC 9575F"; "unknown processor" where the system does not say.
std::string processor_name();

/// Processors that this process may run on, at least 1.
int usable_processors() noexcept;

/// Bytes of data cache that a core sees; 0 where the system does not say.
struct CacheBytes {
  long level1_data = 0;
  long level2 = 0;
  long level3 = 0;
};
CacheBytes cache_bytes();

}  // namespace varscope::tools
