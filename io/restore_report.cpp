// SPDX-License-Identifier: Apache-2.0
#include "restore_report.hpp"

#include <varscope/restore_report.hpp>

namespace varscope {

namespace io {

namespace {

std::string describe(DType dtype, const Shape& shape) {
  return std::string(dtype_name(dtype)) + shape.to_string();
}

/// The beginning of the line of a variable.
template <typename Wanted>
std::string describe_wanted(const Wanted& wanted) {
  std::string text = "'" + wanted.tensor + "'";
  if (wanted.variable != wanted.tensor) text += " for the variable '" + wanted.variable + "'";
  return text + ": wanted " + describe(wanted.dtype, wanted.shape) + " (made at " + to_string(wanted.where) +
         "), ";
}

}  // namespace

std::string describe_missing(const RestoreReport::Missing& missing) {
  return describe_wanted(missing) + "not found";
}

std::string describe_mismatched(const RestoreReport::Mismatched& mismatched) {
  return describe_wanted(mismatched) + "found " + describe(mismatched.found_dtype, mismatched.found_shape);
}

std::string describe_unexpected(const std::string& tensor) {
  return "'" + tensor + "': in the file, but no variable wanted it";
}

}  // namespace io

std::string RestoreReport::to_string() const {
  std::string text = "checkpoint '" + checkpoint + "': " + std::to_string(restored.size()) + " restored, " +
                     std::to_string(missing.size()) + " missing, " + std::to_string(mismatched.size()) +
                     " mismatched, " + std::to_string(unexpected.size()) + " unexpected";
  for (const Missing& each : missing) {
    text += "\n  " + io::describe_missing(each);
    const char* separator = "; near it: '";
    for (const std::string& name : each.nearest) {
      text += separator + name + "'";
      separator = ", '";
    }
  }
  for (const Mismatched& each : mismatched) text += "\n  " + io::describe_mismatched(each);
  for (const std::string& each : unexpected) text += "\n  " + io::describe_unexpected(each);
  return text;
}

}  // namespace varscope
