// SPDX-License-Identifier: Apache-2.0
#include "input_file.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace varscope::input {

namespace {

// Linux moves at most 2 GiB less a page in one call; stay well below.
constexpr std::size_t kMaxTransfer = std::size_t{1} << 30;

/// Repeats a call that a signal interrupts. Returns what it returns.
template <typename Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

[[noreturn]] void throw_system_error(int error_number, const std::string& operation,
                                     const std::string& path) {
  const std::string message =
      "cannot " + operation + " '" + path + "': " + std::generic_category().message(error_number);
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      throw NotFoundError(message);
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      throw ResourceExhaustedError(message);
    case ENAMETOOLONG:
    case ELOOP:
    case EINVAL:
      throw InvalidArgumentError(message);
    case EIO:
      throw DataLossError(message);
    default:  // EACCES, EPERM, ...: the world around is not as the call needs it
      throw FailedPreconditionError(message);
  }
}

}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
  // Without O_NONBLOCK the open of a pipe would wait for a writer.
  descriptor_ = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); });
  if (descriptor_ < 0) throw_system_error(errno, "open", path);
  struct stat information {};
  const int error_number = ::fstat(descriptor_, &information) < 0 ? errno : 0;
  if (error_number != 0 || !S_ISREG(information.st_mode)) {
    ::close(descriptor_);  // no destructor runs for what was not constructed
    if (error_number != 0) throw_system_error(error_number, "open", path);
    throw InvalidArgumentError("cannot open '" + path + "': it is " +
                               (S_ISDIR(information.st_mode) ? "a directory" : "not a regular file") +
                               "; give the path of a data file");
  }
  size_ = static_cast<std::uint64_t>(information.st_size);
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

std::size_t InputFile::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = uninterrupted([&] {
      return ::pread(descriptor_, into.data() + done, std::min(into.size() - done, kMaxTransfer),
                     static_cast<off_t>(offset + done));
    });
    if (count < 0) throw_system_error(errno, "read", path_);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace varscope::input
