// SPDX-License-Identifier: Apache-2.0
// What varscope throws. Every error is below varscope::Error, has a code, and is named for the category that
// TensorFlow or Python would use. A message says what was asked, what is there instead, where both came from,
// and what to do. A call that throws has changed nothing.
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace varscope {

/// The category of an Error: for callers that switch over categories instead of catching types.
enum class ErrorCode {
  value,                // a name, shape or flag that does not fit what exists already
  type,                 // a wrong dtype, or a wrong kind of argument
  invalid_argument,     // a malformed argument of a run or a restore
  not_found,            // a file, variable or key that does not exist
  already_exists,       // something that must be new exists
  failed_precondition,  // the object is not in the state that the call needs
  out_of_range,         // an index or value outside its range
  resource_exhausted,   // memory, disk space or a fixed limit
  data_loss,            // a damaged, truncated or hostile file
  unimplemented,        // a combination that this library does not compute
  runtime,              // wrong use of a guard or a thread
};

/// The code's name as users read it, e.g. "ValueError". Never empty, unique for each code. Thread-safe.
VARSCOPE_API std::string_view error_name(ErrorCode code) noexcept;

/// Base of every exception of this library. Catch it to catch all.
class VARSCOPE_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);
  ~Error() override;
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// One exception type for one code, so that `catch (const ValueError&)` reads as in Python.
template <ErrorCode Code>
class VARSCOPE_API ErrorOf : public Error {
 public:
  explicit ErrorOf(const std::string& message) : Error(Code, message) {}
};

using ValueError = ErrorOf<ErrorCode::value>;
using TypeError = ErrorOf<ErrorCode::type>;
using InvalidArgumentError = ErrorOf<ErrorCode::invalid_argument>;
using NotFoundError = ErrorOf<ErrorCode::not_found>;
using AlreadyExistsError = ErrorOf<ErrorCode::already_exists>;
using FailedPreconditionError = ErrorOf<ErrorCode::failed_precondition>;
using OutOfRangeError = ErrorOf<ErrorCode::out_of_range>;
using ResourceExhaustedError = ErrorOf<ErrorCode::resource_exhausted>;
using DataLossError = ErrorOf<ErrorCode::data_loss>;
using UnimplementedError = ErrorOf<ErrorCode::unimplemented>;
using RuntimeError = ErrorOf<ErrorCode::runtime>;

extern template class VARSCOPE_API ErrorOf<ErrorCode::value>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::type>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::invalid_argument>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::not_found>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::already_exists>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::failed_precondition>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::out_of_range>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::resource_exhausted>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::data_loss>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::unimplemented>;
extern template class VARSCOPE_API ErrorOf<ErrorCode::runtime>;

}  // namespace varscope
