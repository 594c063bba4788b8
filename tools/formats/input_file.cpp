// SPDX-License-Identifier: Apache-2.0
#include "input_file.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace varscope::tools {

namespace {

constexpr std::size_t kMaxRead = std::size_t{1} << 30;

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  // Without O_NONBLOCK the open of a pipe would wait for a writer.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    const std::string message = "cannot open '" + path_ + "': " + reason(errno);
    if (errno == ENOENT || errno == ENOTDIR) throw NotFoundError(message);
    throw FailedPreconditionError(message);
  }
  struct stat information {};
  const bool known = ::fstat(descriptor_, &information) == 0;
  if (!known || !S_ISREG(information.st_mode)) {
    ::close(descriptor_);
    throw InvalidArgumentError(
        "cannot open '" + path_ + "': it is " +
        (known && S_ISDIR(information.st_mode) ? "a directory" : "not a regular file") +
        "; give the path of a file");
  }
  size_ = static_cast<std::uint64_t>(information.st_size);
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::read_at(std::uint64_t offset, std::span<std::byte> into, const char* what) const {
  if (offset > size_ || into.size() > size_ - offset) {
    damaged(std::string(what) + " should be the " + std::to_string(into.size()) + " bytes from byte " +
            std::to_string(offset) + " on, but the file has " + std::to_string(size_) + " bytes");
  }
  while (!into.empty()) {
    const ssize_t count =
        ::pread(descriptor_, into.data(), std::min(into.size(), kMaxRead), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw DataLossError("cannot read " + std::string(what) + " at byte " + std::to_string(offset) +
                          " of '" + path_ +
                          "': " + (count < 0 ? reason(errno) : "the file has become shorter"));
    }
    into = into.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void InputFile::damaged(const std::string& problem) const {
  throw DataLossError("'" + path_ + "' is damaged: " + problem);
}

}  // namespace varscope::tools
