// SPDX-License-Identifier: Apache-2.0
// What is in a file, from its first byte to its last, decompressed where gzip has compressed it.
#pragma once

#include <varscope/array.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace varscope::input {

/// An open file that is read once. Not thread-safe.
class FileContent {
 public:
  /// Whether the file is compressed is told by its first two bytes. Throws the errors of read_idx() for what
  /// cannot be opened.
  explicit FileContent(const std::string& path);
  ~FileContent();
  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;

  const std::string& path() const noexcept { return path_; }
  bool compressed() const noexcept { return compressed_; }

  /// How many bytes the content can have at most: those of the file, or what Deflate could make of them.
  std::uint64_t size_limit() const noexcept;

  /// Fills `into` with the next bytes. Throws DataLossError if there are not so many, or they are damaged.
  void read(std::span<std::byte> into);

  /// Throws DataLossError if there is anything behind what was read, or a checksum is wrong.
  void require_end();

  /// Throws DataLossError: "'<path>': <bytes 4 to 7> <what>", bytes of the decompressed content.
  [[noreturn]] void fail(std::uint64_t first, std::uint64_t end, const std::string& what) const;

 private:
  class Source;
  class PlainSource;
  class GzipSource;

  std::unique_ptr<Source> source_;
  std::string path_;
  std::uint64_t position_ = 0;
  bool compressed_ = false;
};

/// An array, with elements that are not set, for what the file `path` holds. Throws ResourceExhaustedError,
/// naming the file, if there is no memory for it.
Array allocate(const std::string& path, const Shape& shape, DType dtype);

}  // namespace varscope::input
