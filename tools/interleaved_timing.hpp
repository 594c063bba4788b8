// SPDX-License-Identifier: Apache-2.0
// Times several contenders side by side, so that whatever else the machine does meets all of them alike.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace varscope::tools {

/// The median seconds of one call of each contender, measured in turns (A B C A B C ...) until `seconds` have
/// gone by and each had at least 7 turns. A turn is calls that are not timed for at least `warm_up` seconds,
/// and a timed stretch of at least 3 ms, whose mean is the sample. What a contender throws comes out.
std::vector<double> interleaved_medians(std::span<const std::function<void()>> contenders, double seconds,
                                        double warm_up);

/// Until the caches are the contender's own again.
inline constexpr double warm_up_seconds_alone = 0.003;
/// Also until the threads of the one before sleep (idle OpenMP threads were seen to spin for 25 ms) and the
/// system has spread the contender's own over the processors (they may all wake up on one).
inline constexpr double warm_up_seconds_of_threads = 0.06;

}  // namespace varscope::tools
