// SPDX-License-Identifier: Apache-2.0
// The lines of a RestoreReport, which error messages use too.
#pragma once

#include <varscope/restore_report.hpp>

#include <string>

namespace varscope::io {

/// "'a/w' for the variable 'b/w': wanted float32[2] (made at model.cpp:12), not found". Thread-safe.
std::string describe_missing(const RestoreReport::Missing& missing);
/// The same with "found float32[3]".
std::string describe_mismatched(const RestoreReport::Mismatched& mismatched);
std::string describe_unexpected(const std::string& tensor);

}  // namespace varscope::io
