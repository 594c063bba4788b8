// SPDX-License-Identifier: Apache-2.0
// Loops over ranges on the library's threads, for what is built on the engine.
#pragma once

#include <varscope/export.hpp>

#include <cstdint>
#include <functional>

namespace varscope {

/// Calls `body(begin, end)` over disjoint pieces of [0, count), each about `grain` long, from several threads
/// of the caller's oneTBB arena at once, and returns when all of them are done. No other work of the arena is
/// mixed in. If `body` throws, the remaining pieces may be left out and one of the exceptions comes out of
/// here. Thread-safe.
VARSCOPE_API void parallel_ranges(std::int64_t count, std::int64_t grain,
                                  const std::function<void(std::int64_t begin, std::int64_t end)>& body);

}  // namespace varscope
