// SPDX-License-Identifier: Apache-2.0
#include "saver_path.hpp"

#include <varscope/error.hpp>

#include <optional>
#include <string_view>

namespace varscope::io {

namespace {

constexpr std::string_view kSuffix = ".h5";
constexpr std::size_t kPaddedStepDigits = 8;

std::string step_text(std::int64_t step, bool padded) {
  std::string digits = std::to_string(step);
  if (padded && digits.size() < kPaddedStepDigits) digits.insert(0, kPaddedStepDigits - digits.size(), '0');
  return digits;
}

}  // namespace

std::string saver_path(FileSystem& files, const std::string& given, const SaveOptions& options,
                       bool pad_step_number) {
  std::string path = given;
  if (path.ends_with(kSuffix)) path.resize(path.size() - kSuffix.size());
  if (file_name_of(path).empty()) {
    throw ValueError("cannot save to '" + given + "': the path has no file name");
  }
  if (options.global_step) {
    if (*options.global_step < 0) {
      throw ValueError("cannot save to '" + given + "': the global step is " +
                       std::to_string(*options.global_step));
    }
    path += "-" + step_text(*options.global_step, pad_step_number);
  }
  path += kSuffix;
  const std::string directory = directory_of(path);
  const std::optional<FileStatus> status = files.status(directory);
  if (!status || !status->is_directory) {
    throw ValueError("cannot save to '" + given + "': the directory '" + directory +
                     "' does not exist; make it first");
  }
  if (options.write_state) {
    if (options.latest_filename.empty() || options.latest_filename.find('/') != std::string::npos) {
      throw ValueError("latest_filename is '" + options.latest_filename +
                       "'; it must be a file name without a directory");
    }
    if (options.latest_filename == file_name_of(path)) {
      throw ValueError("cannot save to '" + path + "': the state file has the same name, '" +
                       options.latest_filename + "'");
    }
  }
  return path;
}

}  // namespace varscope::io
