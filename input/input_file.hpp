// SPDX-License-Identifier: Apache-2.0
// The only place of input/ that asks the system for a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace varscope::input {

/// A regular file, open for reading from front to back. Closed when destroyed.
class InputFile {
 public:
  /// Throws NotFoundError, InvalidArgumentError (a directory, a pipe), FailedPreconditionError or
  /// ResourceExhaustedError, as the system's reason says.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const noexcept { return path_; }

  /// When it was opened, in bytes.
  std::uint64_t size() const noexcept { return size_; }

  /// Reads the bytes from `offset` on; fewer than `into` has room for only where the file ends. Returns how
  /// many. Throws DataLossError if the device cannot read them.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace varscope::input
