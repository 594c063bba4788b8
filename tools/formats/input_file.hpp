// SPDX-License-Identifier: Apache-2.0
// InputFile: a file that is parsed, of which no byte outside can be asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace varscope::tools {

class InputFile {
 public:
  /// Throws NotFoundError if there is no such file, InvalidArgumentError if it is not a regular one,
  /// FailedPreconditionError if the system does not let us read it.
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  std::uint64_t size() const noexcept { return size_; }

  /// Fills `into` from byte `offset` on. Throws DataLossError, naming `what` is there and the bytes, if the
  /// file ends before or cannot be read.
  void read_at(std::uint64_t offset, std::span<std::byte> into, const char* what) const;

  /// Throws DataLossError: "'model.npz' is damaged: <problem>".
  [[noreturn]] void damaged(const std::string& problem) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// Of two or more bytes, the first one the lowest.
template <typename Integer>
Integer little_endian(std::span<const std::byte> bytes) noexcept {
  Integer value = 0;
  for (std::size_t k = 0; k < sizeof(Integer); ++k)
    value = static_cast<Integer>(value | static_cast<Integer>(static_cast<Integer>(bytes[k]) << (8 * k)));
  return value;
}

}  // namespace varscope::tools
