// SPDX-License-Identifier: Apache-2.0
// NameHints: the ends of error messages that tell somebody who asked for a missing name what is there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::io {

/// The names of one file or directory. Comparing names takes time, and of a wrong file every name may be
/// missing: after some hundred thousand comparisons (a tenth of a second) no more are made, and then nothing
/// is near. Not thread-safe.
class NameHints {
 public:
  explicit NameHints(std::vector<std::string> names) : names_(std::move(names)) {}

  /// varscope::nearest_names().
  std::vector<std::string> nearest(std::string_view wanted);

  /// "; the nearest are 'a', 'b'", "; it holds no variables at all", or, if nothing is near, the first few
  /// names that there are. At most three names.
  std::string describe(std::string_view wanted);

  /// The same for names that nearest() has given.
  std::string describe_nearest(std::vector<std::string> nearest) const;

 private:
  std::vector<std::string> names_;
  std::size_t comparisons_ = 0;
};

}  // namespace varscope::io
