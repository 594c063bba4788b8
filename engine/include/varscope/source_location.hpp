// SPDX-License-Identifier: Apache-2.0
// SourceLocation: the line of the user's program that made something. What std::source_location is, for
// compilers whose standard library does not have it yet (clang 14).
#pragma once

#include <string>
#include <version>
#ifdef __cpp_lib_source_location
#include <source_location>
#endif

#include <varscope/export.hpp>

namespace varscope {

/// A value; `SourceLocation::current()` as a default argument is the line of the call.
class SourceLocation {
 public:
  /// No place.
  constexpr SourceLocation() noexcept = default;

#ifdef __cpp_lib_source_location
  constexpr SourceLocation(const std::source_location& where) noexcept  // NOLINT(google-explicit-constructor)
      : file_name_(where.file_name()), function_name_(where.function_name()), line_(where.line()) {}
#endif

  static constexpr SourceLocation current(const char* file_name = __builtin_FILE(),
                                          const char* function_name = __builtin_FUNCTION(),
                                          unsigned line = __builtin_LINE()) noexcept {
    SourceLocation where;
    where.file_name_ = file_name;
    where.function_name_ = function_name;
    where.line_ = line;
    return where;
  }

  constexpr const char* file_name() const noexcept {
    return file_name_;
  }
  constexpr const char* function_name() const noexcept {
    return function_name_;
  }
  constexpr unsigned line() const noexcept {
    return line_;
  }

 private:
  const char* file_name_ = "";
  const char* function_name_ = "";
  unsigned line_ = 0;
};

/// "file.cpp:12", the way every message names a source line. Thread-safe.
VARSCOPE_API std::string to_string(const SourceLocation& where);

}  // namespace varscope
