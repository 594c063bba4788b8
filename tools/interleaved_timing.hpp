// SPDX-License-Identifier: Apache-2.0
// Times several contenders side by side, so that whatever else the machine does meets all of them alike.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <vector>

namespace varscope::tools {

/// Before a turn everybody waits so long that the threads of the contender before it have gone to sleep: idle
/// OpenMP threads were seen to spin for up to 25 ms, which takes the processors from whoever is next.
inline constexpr std::chrono::milliseconds pause_for_other_threads{50};

/// The median seconds of one call of each contender, measured in turns (A B C A B C ...) until `seconds` have
/// gone by and each had at least 7 turns. A turn is the pause (if there are several contenders), calls for at
/// least 3 ms that are not timed, so that caches and threads are its own again, and a timed stretch of at
/// least 3 ms, whose mean is the sample. What a contender throws comes out.
std::vector<double> interleaved_medians(std::span<const std::function<void()>> contenders, double seconds,
                                        std::chrono::milliseconds pause);

}  // namespace varscope::tools
