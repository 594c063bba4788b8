// SPDX-License-Identifier: Apache-2.0
#include <varscope/error.hpp>

namespace varscope {

std::string_view error_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::value:
      return "ValueError";
    case ErrorCode::type:
      return "TypeError";
    case ErrorCode::invalid_argument:
      return "InvalidArgumentError";
    case ErrorCode::not_found:
      return "NotFoundError";
    case ErrorCode::already_exists:
      return "AlreadyExistsError";
    case ErrorCode::failed_precondition:
      return "FailedPreconditionError";
    case ErrorCode::out_of_range:
      return "OutOfRangeError";
    case ErrorCode::resource_exhausted:
      return "ResourceExhaustedError";
    case ErrorCode::data_loss:
      return "DataLossError";
    case ErrorCode::unimplemented:
      return "UnimplementedError";
    case ErrorCode::runtime:
      return "RuntimeError";
  }
  return "UnknownError";
}

Error::Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

Error::~Error() = default;  // the key function: one vtable, in this library

template class ErrorOf<ErrorCode::value>;
template class ErrorOf<ErrorCode::type>;
template class ErrorOf<ErrorCode::invalid_argument>;
template class ErrorOf<ErrorCode::not_found>;
template class ErrorOf<ErrorCode::already_exists>;
template class ErrorOf<ErrorCode::failed_precondition>;
template class ErrorOf<ErrorCode::out_of_range>;
template class ErrorOf<ErrorCode::resource_exhausted>;
template class ErrorOf<ErrorCode::data_loss>;
template class ErrorOf<ErrorCode::unimplemented>;
template class ErrorOf<ErrorCode::runtime>;

std::string to_string(const SourceLocation& where) {
  std::string_view file = where.file_name();
  if (file.empty()) return "an unknown place";
  return std::string(file) + ":" + std::to_string(where.line());
}

}  // namespace varscope
