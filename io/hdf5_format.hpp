// SPDX-License-Identifier: Apache-2.0
// The strict reader's lowest layer: superblock and object headers of HDF5 files, decoded with every offset
// and size checked against the file, every checksum verified, and no allocation larger than the file
// justifies. libhdf5 takes no part in it. Section numbers refer to the HDF5 File Format Specification,
// version 3.0.
#pragma once

#include "file_system.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::io {

/// HDF5's address of what has no place in the file.
inline constexpr std::uint64_t kUndefinedAddress = ~std::uint64_t{0};

inline constexpr std::uint64_t kSuperblockBytes = 48;  // of version 3, with 8-byte offsets

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// Throws DataLossError: these bytes of `object` ("/conv1/weights:0") are not what any writer of the format
/// leaves behind.
[[noreturn]] void throw_damaged(const std::string& file, const std::string& object, ByteRange range,
                                const std::string& what);

/// What is being decoded, so that an error can name it.
struct Place {
  std::string file;
  /// The path of an object; asked for only when there is an error, since paths in a hostile file may be much
  /// longer than the objects.
  std::function<std::string(std::size_t object)> name_of;
  std::size_t object = 0;

  [[noreturn]] void damaged(ByteRange range, const std::string& what) const;

  /// Throws InvalidArgumentError: an HDF5 file, but with a feature that checkpoints do not use.
  [[noreturn]] void outside_profile(ByteRange range, const std::string& feature) const;
};

/// Takes little-endian values off the front of some bytes of a file. Reading past their end throws
/// DataLossError. Requires: the bytes and the place outlive it.
class ByteCursor {
 public:
  ByteCursor(std::span<const std::byte> bytes, std::uint64_t offset, const Place& place)
      : bytes_(bytes), offset_(offset), place_(&place) {}

  /// An unsigned value of 1 to 8 bytes.
  std::uint64_t take(std::size_t size) {
    static_assert(std::endian::native == std::endian::little);
    const std::span<const std::byte> taken = take_bytes(size);
    std::uint64_t value = 0;
    std::memcpy(&value, taken.data(), taken.size());
    return value;
  }

  std::span<const std::byte> take_bytes(std::size_t size) {
    if (size > bytes_.size()) refuse_end(size);
    const std::span<const std::byte> taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    offset_ += size;
    return taken;
  }

  std::size_t remaining() const noexcept { return bytes_.size(); }
  /// Where the next byte stands in the file.
  std::uint64_t offset() const noexcept { return offset_; }
  const Place& place() const noexcept { return *place_; }

  /// Throws DataLossError unless everything has been taken.
  void expect_end() const;

 private:
  [[noreturn]] void refuse_end(std::size_t size) const;

  std::span<const std::byte> bytes_;
  std::uint64_t offset_;
  const Place* place_;
};

/// Which bytes of a file belong to what has been decoded; no byte may belong to two things. A claim takes
/// constant time where ranges come in at most two ascending sequences, as those of headers and of data do in
/// a file that varscope wrote, and logarithmic time in any order.
class ExtentMap {
 public:
  explicit ExtentMap(std::uint64_t file_size) : file_size_(file_size) {}

  /// Throws DataLossError if the range leaves the file or overlaps one claimed before, naming that one.
  void claim(ByteRange range, const Place& place);

  /// What nobody claimed, in ascending order.
  std::vector<ByteRange> gaps() const;

  std::uint64_t file_size() const noexcept { return file_size_; }

 private:
  struct Extent {
    std::uint64_t begin;
    std::uint64_t end;
    std::size_t object;
  };
  const Extent* clash_in_runs(std::uint64_t begin, std::uint64_t end) const;

  std::uint64_t file_size_;
  std::array<std::vector<Extent>, 2> runs_;  // each ascending
  std::map<std::uint64_t, Extent> others_;   // by first byte
};

/// Reads a block of metadata that begins with `signature` and ends with a checksum, verifies both, and claims
/// its bytes. `what` names it in messages. Requires: at least 8 bytes, not more than a few pages: they are
/// allocated once they are known to be in the file.
std::vector<std::byte> read_checked(const ReadableFile& file, ByteRange range, std::string_view signature,
                                    const char* what, ExtentMap& extents, const Place& place);

/// Where an HDF5 file begins: at byte 0, or behind a user block at 512, 1024, 2048, ... Empty if it is none.
std::optional<std::uint64_t> find_hdf5_signature(const ReadableFile& file);

/// Decodes the superblock (section II.A) and returns the address of the root group. Throws DataLossError for
/// an empty, truncated, damaged or unclosed file, InvalidArgumentError for one that is not HDF5 or has
/// another version of the superblock. Whatever HDF5 would do with user blocks, extensions or drivers is
/// refused.
std::uint64_t read_superblock(const ReadableFile& file, ExtentMap& extents, const Place& place);

/// A superblock of the profile for a file of `file_size` bytes.
std::vector<std::byte> make_superblock(std::uint64_t root_address, std::uint64_t file_size);

struct HeaderMessage {
  std::uint8_t type = 0;
  std::uint64_t offset = 0;         ///< of the body in the file
  std::span<const std::byte> body;  ///< points into the chunk
};

inline constexpr std::uint8_t kNilMessage = 0x00;
inline constexpr std::uint8_t kContinuationMessage = 0x10;
inline constexpr std::size_t kMessagePrefixBytes = 4;  // type, size in 2 bytes, flags

struct HeaderChunk {
  ByteRange range;  ///< the checksum, its last 4 bytes, included
  std::vector<std::byte> bytes;
  std::size_t messages_begin = 0;  ///< index into bytes
  std::size_t messages_end = 0;    ///< behind the last message
};

/// An object header (section IV.A.1.b) with all its continuations. Made to be used for one object after
/// another: its memory stays. It keeps no list of its messages, which in a hostile file would be many times
/// larger than they are.
class ObjectHeader {
 public:
  std::vector<HeaderChunk> chunks;
  std::vector<ByteRange> continuations;  ///< the ranges of all chunks but the first

  /// Calls `use` for each message, but not for those of type NIL and continuations. What it is given points
  /// into the chunks.
  template <typename Use>
  void for_each_message(const Use& use) const {
    for (const HeaderChunk& chunk : chunks) {
      for (std::size_t at = chunk.messages_begin; at < chunk.messages_end;) {
        const auto byte = [&](std::size_t k) { return std::to_integer<std::size_t>(chunk.bytes[at + k]); };
        const std::size_t size = byte(1) | byte(2) << 8;
        const auto type = static_cast<std::uint8_t>(byte(0));
        at += kMessagePrefixBytes;
        if (type != kNilMessage && type != kContinuationMessage) {
          use(HeaderMessage{type, chunk.range.offset + at, std::span(chunk.bytes).subspan(at, size)});
        }
        at += size;
      }
    }
  }
};

/// Reads and verifies the version 2 object header at `address` into `header`; claims its bytes. After an
/// exception `header` holds anything.
void read_object_header(const ReadableFile& file, std::uint64_t address, ExtentMap& extents,
                        const Place& place, ObjectHeader& header);

}  // namespace varscope::io
