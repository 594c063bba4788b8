// SPDX-License-Identifier: Apache-2.0
// Times several contenders side by side, so that whatever else the machine does meets all of them alike.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace varscope::tools {

/// The median seconds of one call of each contender, measured in turns (A B C A B C ...) until `seconds` have
/// gone by and each had at least 5 turns. A turn is a pause of 10 ms, in which the threads of the contender
/// before it go to sleep; calls for at least 3 ms that are not timed, so that caches and threads are its own
/// again; and a timed stretch of at least 3 ms, whose mean is the sample. What a contender throws comes out.
std::vector<double> interleaved_medians(std::span<const std::function<void()>> contenders, double seconds);

}  // namespace varscope::tools
