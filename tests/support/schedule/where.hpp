// SPDX-License-Identifier: Apache-2.0
// Where: the place of a call, as std::source_location, which clang 14 does not have.
#pragma once

#if defined(__clang__)

namespace varscope::testing::schedule {

class Where {
 public:
  constexpr Where() = default;
  static constexpr Where current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE(),
                                 unsigned column = __builtin_COLUMN()) noexcept {
    Where where;
    where.file_ = file;
    where.line_ = line;
    where.column_ = column;
    return where;
  }
  constexpr const char* file_name() const noexcept { return file_; }
  constexpr unsigned line() const noexcept { return line_; }
  constexpr unsigned column() const noexcept { return column_; }

 private:
  const char* file_ = "";
  unsigned line_ = 0;
  unsigned column_ = 0;
};

}  // namespace varscope::testing::schedule

#else

#include <source_location>

namespace varscope::testing::schedule {

using Where = std::source_location;

}  // namespace varscope::testing::schedule

#endif
