// SPDX-License-Identifier: Apache-2.0
#include "hdf5_format.hpp"

#include "hdf5_checksum.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace varscope::io {

namespace {

constexpr std::array<unsigned char, 8> kSignature = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
constexpr std::uint64_t kUserBlockStep = 512;  // HDF5 also looks for its signature at 512, 1024, 2048, ...
constexpr std::uint64_t kChecksumBytes = 4;

/// Most headers fit in this, so that one read gets them; a longer one takes a second.
constexpr std::uint64_t kFirstRead = 512;
/// A group with the most members and names of ordinary length has less than 10 MiB.
constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{256} << 20;

// Object header flags, section IV.A.1.b.
constexpr std::uint64_t kSizeFlags = 0x03;
constexpr std::uint64_t kCreationOrderFlags = 0x0C;
constexpr std::uint64_t kPhaseChangeFlag = 0x10;
constexpr std::uint64_t kTimesFlag = 0x20;

std::string describe(ByteRange range) {
  if (range.size <= 1) return "byte " + std::to_string(range.offset);
  return "bytes " + std::to_string(range.offset) + ".." + std::to_string(range.offset + range.size - 1);
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

bool has_signature(std::span<const std::byte> bytes) {
  return bytes.size() >= kSignature.size() &&
         std::memcmp(bytes.data(), kSignature.data(), kSignature.size()) == 0;
}

std::vector<std::byte> read_range(const ReadableFile& file, ByteRange range) {
  std::vector<std::byte> bytes(range.size);
  file.read_at(range.offset, bytes);
  return bytes;
}

/// Requires: more bytes than a checksum has.
void verify_checksum(std::span<const std::byte> bytes, std::uint64_t offset, const Place& place,
                     const char* what) {
  const std::span<const std::byte> content = bytes.first(bytes.size() - kChecksumBytes);
  const ByteRange whole{offset, bytes.size()};
  ByteCursor stored(bytes.last(kChecksumBytes), offset + content.size(), place);
  if (stored.take(kChecksumBytes) != hdf5_checksum(content)) {
    place.damaged(whole, std::string("the checksum of the ") + what + " does not match its bytes");
  }
}

[[noreturn]] void refuse_without_signature(const ReadableFile& file, std::span<const std::byte> start,
                                           const Place& place) {
  if (start.empty()) throw DataLossError("'" + place.file + "' is empty: there is no checkpoint in it");
  if (start.size() < kSignature.size() && std::memcmp(start.data(), kSignature.data(), start.size()) == 0) {
    place.damaged({0, start.size()}, "the file is truncated within its signature");
  }
  if (const auto at = find_hdf5_signature(file)) {
    place.outside_profile({0, *at}, "a user block before the superblock");
  }
  throw InvalidArgumentError("'" + place.file +
                             "' is not an HDF5 file: it does not begin with HDF5's signature. "
                             "Give the path of a checkpoint that a Saver has written");
}

/// Checks that the messages part of a chunk is made of messages, and where they end. Continuations are
/// appended to `continuations`.
void check_messages(HeaderChunk& chunk, std::size_t begin, std::vector<ByteRange>& continuations,
                    const Place& place) {
  const auto all = std::span<const std::byte>(chunk.bytes);
  ByteCursor cursor(all.subspan(begin, all.size() - begin - kChecksumBytes), chunk.range.offset + begin,
                    place);
  while (cursor.remaining() >= kMessagePrefixBytes) {
    const std::uint64_t start = cursor.offset();
    const std::uint64_t type = cursor.take(1);
    const std::uint64_t size = cursor.take(2);
    const std::uint64_t flags = cursor.take(1);
    if (size > cursor.remaining()) {
      place.damaged({start, kMessagePrefixBytes}, "a message of " + std::to_string(size) +
                                                      " bytes in an object header with " +
                                                      std::to_string(cursor.remaining()) + " left");
    }
    // Constant (0x01) and "do not share" (0x04) say nothing to a reader; the others change the meaning.
    if ((flags & 0x02) != 0) place.outside_profile({start, kMessagePrefixBytes}, "shared messages");
    if ((flags & ~std::uint64_t{0x05}) != 0)
      place.damaged({start, kMessagePrefixBytes}, "unknown message flags");
    const std::uint64_t offset = cursor.offset();
    const std::span<const std::byte> body = cursor.take_bytes(size);
    if (type == kNilMessage) {
      if (!all_zero(body)) place.damaged({offset, size}, "unused bytes of an object header are not zero");
    } else if (type == kContinuationMessage) {
      ByteCursor fields(body, offset, place);
      const std::uint64_t address = fields.take(8);
      const std::uint64_t length = fields.take(8);
      fields.expect_end();
      continuations.push_back({address, length});
    }
  }
  const std::uint64_t offset = cursor.offset();
  chunk.messages_begin = begin;
  chunk.messages_end = offset - chunk.range.offset;
  const std::size_t rest = cursor.remaining();
  if (!all_zero(cursor.take_bytes(rest))) {
    place.damaged({offset, rest}, "unused bytes of an object header are not zero");
  }
}

void check_chunk_size(ByteRange range, const ExtentMap& extents, const Place& place) {
  if (range.offset > extents.file_size() || range.size > extents.file_size() - range.offset) {
    place.damaged(range, "an object header leaves the file, which has " +
                             std::to_string(extents.file_size()) + " bytes");
  }
  if (range.size > kMaxChunkBytes) {
    place.damaged(range, "an object header larger than " + std::to_string(kMaxChunkBytes) + " bytes");
  }
}

/// Returns where the messages begin in the chunk.
std::size_t read_first_chunk(const ReadableFile& file, std::uint64_t address, ExtentMap& extents,
                             const Place& place, HeaderChunk& chunk) {
  constexpr std::uint64_t kSmallestHeader = 7 + kChecksumBytes;
  check_chunk_size({address, kSmallestHeader}, extents, place);
  const std::uint64_t left = file.size() - address;
  std::vector<std::byte>& bytes = chunk.bytes;
  bytes.resize(std::min(left, kFirstRead));
  file.read_at(address, bytes);

  ByteCursor cursor(bytes, address, place);
  if (!starts_with(bytes, "OHDR")) place.damaged({address, 4}, "there is no object header here");
  cursor.take(4);
  const std::uint64_t version = cursor.take(1);
  if (version != 2) place.damaged({address + 4, 1}, "object header version " + std::to_string(version));
  const std::uint64_t flags = cursor.take(1);
  const std::size_t extra = ((flags & kTimesFlag) != 0 ? 16 : 0) + ((flags & kPhaseChangeFlag) != 0 ? 4 : 0);
  cursor.take_bytes(extra);
  const std::uint64_t content = cursor.take(std::size_t{1} << (flags & kSizeFlags));
  if (content > left) {
    place.damaged({address, cursor.offset() - address}, "an object header of " + std::to_string(content) +
                                                            " bytes in a file with " + std::to_string(left) +
                                                            " left");
  }
  const std::uint64_t messages_begin = cursor.offset() - address;
  const ByteRange range{address, messages_begin + content + kChecksumBytes};
  check_chunk_size(range, extents, place);
  extents.claim(range, place);
  const std::size_t have = std::min<std::size_t>(bytes.size(), range.size);
  bytes.resize(range.size);
  file.read_at(address + have, std::span<std::byte>(bytes).subspan(have));
  verify_checksum(bytes, address, place, "object header");

  const ByteRange flags_range{address + 5, 1};
  if ((flags & kTimesFlag) != 0) place.outside_profile(flags_range, "object time stamps");
  if ((flags & kCreationOrderFlags) != 0) place.outside_profile(flags_range, "attribute creation order");
  if ((flags & kPhaseChangeFlag) != 0) place.outside_profile(flags_range, "attribute phase change limits");
  if ((flags & ~kSizeFlags) != 0) place.damaged(flags_range, "unknown object header flags");
  chunk.range = range;
  return messages_begin;
}

}  // namespace

std::vector<std::byte> read_checked(const ReadableFile& file, ByteRange range, std::string_view signature,
                                    const char* what, ExtentMap& extents, const Place& place) {
  extents.claim(range, place);
  std::vector<std::byte> bytes = read_range(file, range);
  if (!starts_with(bytes, signature)) place.damaged(range, std::string("there is no ") + what + " here");
  verify_checksum(bytes, range.offset, place, what);
  return bytes;
}

std::optional<std::uint64_t> find_hdf5_signature(const ReadableFile& file) {
  std::vector<std::byte> found(kSignature.size());
  for (std::uint64_t at = 0; at <= file.size() && file.size() - at >= found.size();
       at = std::max(kUserBlockStep, 2 * at)) {
    file.read_at(at, found);
    if (has_signature(found)) return at;
  }
  return std::nullopt;
}

void throw_damaged(const std::string& file, const std::string& object, ByteRange range,
                   const std::string& what) {
  throw DataLossError("'" + file + "' is damaged: " + object + ", " + describe(range) + ": " + what);
}

void Place::damaged(ByteRange range, const std::string& what) const {
  throw_damaged(file, name_of(object), range, what);
}

void Place::outside_profile(ByteRange range, const std::string& feature) const {
  throw InvalidArgumentError("'" + file + "' is an HDF5 file, but not a varscope checkpoint: " +
                             name_of(object) + ", " + describe(range) + ": it uses " + feature +
                             ". Only what a Saver or write_checkpoint() has written can be read");
}

void ByteCursor::refuse_end(std::size_t size) const {
  place_->damaged({offset_, bytes_.size()}, std::to_string(size) + " bytes were expected, but " +
                                                std::to_string(bytes_.size()) + " are there");
}

void ByteCursor::expect_end() const {
  if (!bytes_.empty()) {
    place_->damaged({offset_, bytes_.size()}, "there are bytes behind the end of a message's content");
  }
}

void ExtentMap::claim(ByteRange range, const Place& place) {
  if (range.offset > file_size_ || range.size > file_size_ - range.offset) {
    place.damaged(range, "they lie outside the file, which has " + std::to_string(file_size_) + " bytes");
  }
  const std::uint64_t begin = range.offset;
  const std::uint64_t end = begin + range.size;
  const Extent* clash = clash_in_runs(begin, end);
  const auto next = others_.empty() ? others_.end() : others_.upper_bound(begin);
  if (next != others_.end() && next->first < end) clash = &next->second;
  if (next != others_.begin() && std::prev(next)->second.end > begin) clash = &std::prev(next)->second;
  if (clash != nullptr) place.damaged(range, "they belong to " + place.name_of(clash->object) + " already");
  // The run that ends closest before it.
  std::vector<Extent>* run = nullptr;
  for (std::vector<Extent>& each : runs_) {
    if (!each.empty() && each.back().end > begin) continue;
    if (run == nullptr || run->empty() || (!each.empty() && each.back().end > run->back().end)) run = &each;
  }
  if (run == nullptr) {
    others_.emplace_hint(next, begin, Extent{begin, end, place.object});
  } else {
    run->push_back({begin, end, place.object});
  }
}

/// One of the extents that the range overlaps; null if there is none.
const ExtentMap::Extent* ExtentMap::clash_in_runs(std::uint64_t begin, std::uint64_t end) const {
  for (const std::vector<Extent>& run : runs_) {
    if (run.empty() || run.back().end <= begin || run.front().begin >= end) continue;
    const auto next =
        std::upper_bound(run.begin(), run.end(), begin,
                         [](std::uint64_t at, const Extent& extent) { return at < extent.begin; });
    if (next != run.end() && next->begin < end) return &*next;
    if (next != run.begin() && std::prev(next)->end > begin) return &*std::prev(next);
  }
  return nullptr;
}

std::vector<ByteRange> ExtentMap::gaps() const {
  std::vector<ByteRange> gaps;
  std::uint64_t end = 0;
  auto first = runs_[0].begin();
  auto second = runs_[1].begin();
  auto other = others_.begin();
  for (;;) {
    const Extent* next = nullptr;  // of the three sequences' next ones the least
    if (first != runs_[0].end()) next = &*first;
    if (second != runs_[1].end() && (next == nullptr || second->begin < next->begin)) next = &*second;
    if (other != others_.end() && (next == nullptr || other->first < next->begin)) next = &other->second;
    if (next == nullptr) break;
    if (next->begin > end) gaps.push_back({end, next->begin - end});
    end = next->end;
    if (first != runs_[0].end() && next == &*first) {
      ++first;
    } else if (second != runs_[1].end() && next == &*second) {
      ++second;
    } else {
      ++other;
    }
  }
  if (end < file_size_) gaps.push_back({end, file_size_ - end});
  return gaps;
}

std::uint64_t read_superblock(const ReadableFile& file, ExtentMap& extents, const Place& place) {
  const std::vector<std::byte> bytes = read_range(file, {0, std::min(file.size(), kSuperblockBytes)});
  if (!has_signature(bytes)) refuse_without_signature(file, bytes, place);
  ByteCursor cursor(bytes, 0, place);
  cursor.take_bytes(kSignature.size());
  const std::uint64_t version = cursor.take(1);
  if (version < 3) place.outside_profile({8, 1}, "superblock version " + std::to_string(version));
  if (version > 3) place.damaged({8, 1}, "superblock version " + std::to_string(version));
  if (bytes.size() < kSuperblockBytes) {
    place.damaged({0, bytes.size()}, "the file is truncated within its superblock");
  }
  verify_checksum(bytes, 0, place, "superblock");

  const std::uint64_t offset_size = cursor.take(1);
  const std::uint64_t length_size = cursor.take(1);
  if (offset_size != 8 || length_size != 8)
    place.outside_profile({9, 2}, "offsets that are not 8 bytes wide");
  if (cursor.take(1) != 0) place.damaged({11, 1}, "the file was never closed by its writer");
  if (cursor.take(8) != 0) place.outside_profile({12, 8}, "a base address");
  if (cursor.take(8) != kUndefinedAddress) place.outside_profile({20, 8}, "a superblock extension");
  const std::uint64_t end = cursor.take(8);
  if (end != file.size()) {
    place.damaged({28, 8}, "the superblock says that the file has " + std::to_string(end) +
                               " bytes, but it has " + std::to_string(file.size()));
  }
  extents.claim({0, kSuperblockBytes}, place);
  return cursor.take(8);
}

std::vector<std::byte> make_superblock(std::uint64_t root_address, std::uint64_t file_size) {
  std::vector<std::byte> bytes;
  bytes.reserve(kSuperblockBytes);
  const auto append = [&bytes](std::uint64_t value, int size) {
    for (int k = 0; k < size; ++k) bytes.push_back(static_cast<std::byte>(value >> (8 * k)));
  };
  for (const unsigned char byte : kSignature) append(byte, 1);
  append(3, 1);                  // version
  append(8, 1);                  // bytes of an offset
  append(8, 1);                  // bytes of a length
  append(0, 1);                  // nobody has it open
  append(0, 8);                  // base address
  append(kUndefinedAddress, 8);  // no extension
  append(file_size, 8);
  append(root_address, 8);
  append(hdf5_checksum(bytes), 4);
  return bytes;
}

void read_object_header(const ReadableFile& file, std::uint64_t address, ExtentMap& extents,
                        const Place& place, ObjectHeader& header) {
  header.chunks.resize(1);
  std::vector<ByteRange>& continuations = header.continuations;
  continuations.clear();
  const std::size_t messages_begin = read_first_chunk(file, address, extents, place, header.chunks[0]);
  check_messages(header.chunks[0], messages_begin, continuations, place);
  // A continuation may announce another; each claims bytes of its own, so the file's size bounds them.
  for (std::size_t next = 0; next < continuations.size(); ++next) {
    const ByteRange range = continuations[next];
    if (range.size < 4 + kChecksumBytes)
      place.damaged(range, "an object header continuation without content");
    check_chunk_size(range, extents, place);
    extents.claim(range, place);
    HeaderChunk& chunk = header.chunks.emplace_back();
    chunk.range = range;
    chunk.bytes = read_range(file, range);
    if (!starts_with(chunk.bytes, "OCHK"))
      place.damaged(range, "there is no object header continuation here");
    verify_checksum(chunk.bytes, range.offset, place, "object header continuation");
    check_messages(chunk, 4, continuations, place);
  }
}

}  // namespace varscope::io
