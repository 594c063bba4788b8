// SPDX-License-Identifier: Apache-2.0
#include "file_content.hpp"

#include "input_file.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>
#include <zlib.h>

namespace varscope::input {

namespace {

// RFC 1951: a match of 258 bytes takes two bits at least, one for its length and one for its distance.
constexpr std::uint64_t kDeflateRatio = 1032;

constexpr std::array<std::byte, 2> kGzipMagic{std::byte{0x1F}, std::byte{0x8B}};  // RFC 1952

std::string bytes_text(std::uint64_t first, std::uint64_t end) {
  return end - first == 1 ? "byte " + std::to_string(first)
                          : "bytes " + std::to_string(first) + " to " + std::to_string(end - 1);
}

}  // namespace

/// Gives the content in pieces.
class FileContent::Source {
 public:
  virtual ~Source() = default;

  virtual std::uint64_t size_limit() const noexcept = 0;

  /// Returns how many of the next bytes are in `into` now: at least one, or none at the proper end.
  virtual std::size_t read_some(std::span<std::byte> into) = 0;
};

class FileContent::PlainSource final : public FileContent::Source {
 public:
  explicit PlainSource(std::unique_ptr<const InputFile> file) : file_(std::move(file)) {}

  std::uint64_t size_limit() const noexcept override { return file_->size(); }

  std::size_t read_some(std::span<std::byte> into) override {
    const std::size_t count = file_->read_at(offset_, into);
    offset_ += count;
    return count;
  }

 private:
  std::unique_ptr<const InputFile> file_;
  std::uint64_t offset_ = 0;
};

/// One gzip member after the other, as gzip(1) reads them. zlib verifies length and checksum of each.
class FileContent::GzipSource final : public FileContent::Source {
 public:
  explicit GzipSource(std::unique_ptr<const InputFile> file)
      : file_(std::move(file)), input_(std::size_t{1} << 16U) {
    constexpr int gzip_with_any_window = 16 + 15;
    if (inflateInit2(&stream_, gzip_with_any_window) != Z_OK) throw_no_memory();
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  std::uint64_t size_limit() const noexcept override {
    constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    return file_->size() > largest / kDeflateRatio ? largest : file_->size() * kDeflateRatio;
  }

  std::size_t read_some(std::span<std::byte> into) override {
    const auto room = static_cast<uInt>(std::min<std::size_t>(into.size(), std::size_t{1} << 30U));
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = room;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0 && !read_input()) {
        if (member_ended_) return 0;
        fail("ends before its compressed data does");
      }
      if (member_ended_ && inflateReset(&stream_) != Z_OK) throw_no_memory();
      member_ended_ = false;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        member_ended_ = true;
      } else if (result == Z_MEM_ERROR) {
        throw_no_memory();
      } else if (result != Z_OK) {
        fail(std::string("is damaged: ") + (stream_.msg != nullptr ? stream_.msg : "not gzip data"));
      }
    }
    return room - stream_.avail_out;
  }

 private:
  bool read_input() {
    const std::size_t count = file_->read_at(offset_, input_);
    offset_ += count;
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(count);
    return count > 0;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataLossError("'" + file_->path() + "', compressed with gzip, " + what + " (at byte " +
                        std::to_string(offset_ - stream_.avail_in) + " of the " +
                        std::to_string(file_->size()) + " bytes of the file)");
  }

  [[noreturn]] void throw_no_memory() const {
    throw ResourceExhaustedError("there is no memory to decompress '" + file_->path() + "'");
  }

  std::unique_ptr<const InputFile> file_;
  std::uint64_t offset_ = 0;
  std::vector<std::byte> input_;
  z_stream stream_{};
  bool member_ended_ = false;
};

FileContent::FileContent(const std::string& path) : path_(path) {
  auto file = std::make_unique<const InputFile>(path);
  std::array<std::byte, 2> magic{};
  compressed_ = file->read_at(0, magic) == magic.size() && magic == kGzipMagic;
  if (compressed_) {
    source_ = std::make_unique<GzipSource>(std::move(file));
  } else {
    source_ = std::make_unique<PlainSource>(std::move(file));
  }
}

FileContent::~FileContent() = default;

std::uint64_t FileContent::size_limit() const noexcept {
  return source_->size_limit();
}

void FileContent::read(std::span<std::byte> into) {
  while (!into.empty()) {
    const std::size_t count = source_->read_some(into);
    if (count == 0) {
      fail(position_, position_ + into.size(),
           std::string(into.size() == 1 ? "is" : "are") + " missing: it ends at byte " +
               std::to_string(position_) + ", damaged or cut off");
    }
    into = into.subspan(count);
    position_ += count;
  }
}

void FileContent::require_end() {
  std::byte next{};
  if (source_->read_some({&next, 1}) != 0) {
    throw DataLossError("'" + path_ + "'" + (compressed_ ? ", decompressed," : "") + " goes on at byte " +
                        std::to_string(position_) + ", where it should end");
  }
}

void FileContent::fail(std::uint64_t first, std::uint64_t end, const std::string& what) const {
  throw DataLossError("'" + path_ + "'" + (compressed_ ? ", decompressed" : "") + ": " +
                      bytes_text(first, end) + " " + what);
}

Array allocate(const std::string& path, const Shape& shape, DType dtype) {
  try {
    return Array::uninitialized(shape, dtype);
  } catch (const ResourceExhaustedError& error) {
    throw ResourceExhaustedError("cannot read '" + path + "': " + error.what());
  }
}

}  // namespace varscope::input
