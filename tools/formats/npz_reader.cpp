// SPDX-License-Identifier: Apache-2.0
// The zip archive: APPNOTE.TXT 6.3.10, sections 4.3 (where what is) and 4.5.3 (zip64).
#include "input_file.hpp"
#include "npy_header.hpp"
#include "npz.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <set>
#include <zlib.h>

namespace varscope::tools {

namespace {

constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kMemberBytes = 46;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kMaxComment = 65535;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kEncrypted = 1;
// What deflate can do at most: 258 bytes from two bits. The rest is for a last block.
constexpr std::uint64_t kMostFromOneByte = 1032;
constexpr std::uint64_t kHarmlessBytes = std::uint64_t{4} << 30;
constexpr std::size_t kBufferBytes = 1 << 16;
constexpr std::string_view kSuffix = ".npy";

using Bytes = std::span<const std::byte>;

struct Member {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t header_at = 0;
  std::uint64_t data_at = 0;
};

struct Directory {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
  std::uint64_t members = 0;
};

std::uint16_t u16(Bytes bytes, std::size_t at) {
  return little_endian<std::uint16_t>(bytes.subspan(at));
}
std::uint32_t u32(Bytes bytes, std::size_t at) {
  return little_endian<std::uint32_t>(bytes.subspan(at));
}
std::uint64_t u64(Bytes bytes, std::size_t at) {
  return little_endian<std::uint64_t>(bytes.subspan(at));
}

Directory find_directory(const InputFile& file) {
  std::vector<std::byte> tail(
      static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), kEndBytes + kMaxComment)));
  file.read_at(file.size() - tail.size(), tail, "the end of the archive");
  std::size_t at = tail.size();
  bool found = false;
  for (std::size_t back = kEndBytes; back <= tail.size() && !found; ++back) {
    at = tail.size() - back;
    found = u32(tail, at) == 0x06054b50 && u16(tail, at + 20) == back - kEndBytes;
  }
  if (!found) {
    std::array<std::byte, 2> begin{};
    if (file.size() >= begin.size()) file.read_at(0, begin, "the beginning");
    if (begin == std::array{std::byte{'P'}, std::byte{'K'}})
      file.damaged("it begins as a zip archive, but has no end of one; it was cut off");
    throw InvalidArgumentError("'" + file.path() +
                               "' is not a .npz file: it is no zip archive; if it has another format, say " +
                               "which with 'varscope convert --from'");
  }
  const Bytes end = Bytes(tail).subspan(at);
  std::uint64_t end_at = file.size() - tail.size() + at;
  Directory directory{.begin = u32(end, 16), .bytes = u32(end, 12), .members = u16(end, 10)};
  std::uint64_t members_here = u16(end, 8);
  std::uint32_t disks = u16(end, 4) | std::uint32_t{u16(end, 6)};
  if (directory.begin == 0xFFFFFFFF || directory.bytes == 0xFFFFFFFF || directory.members == 0xFFFF) {
    if (end_at < kLocator64Bytes + kEnd64Bytes) file.damaged("there is no room for its zip64 records");
    std::array<std::byte, kLocator64Bytes> locator{};
    file.read_at(end_at - kLocator64Bytes, locator, "the zip64 locator");
    if (u32(locator, 0) == 0x07064b50) {
      std::array<std::byte, kEnd64Bytes> end64{};
      const std::uint64_t end64_at = u64(locator, 8);
      if (end64_at > end_at - kLocator64Bytes - kEnd64Bytes)
        file.damaged("its zip64 end should be at byte " + std::to_string(end64_at) + ", behind its locator");
      file.read_at(end64_at, end64, "the zip64 end");
      if (u32(end64, 0) != 0x06064b50)
        file.damaged("there is no zip64 end at byte " + std::to_string(end64_at));
      end_at = end64_at;
      directory = {.begin = u64(end64, 48), .bytes = u64(end64, 40), .members = u64(end64, 32)};
      members_here = u64(end64, 24);
      disks = u32(end64, 16) | u32(end64, 20) | u32(locator, 4);
    }
  }
  if (disks != 0 || members_here != directory.members)
    throw InvalidArgumentError("'" + file.path() +
                               "' is a part of a zip archive of several files; join them");
  if (directory.bytes > end_at || directory.begin != end_at - directory.bytes) {
    file.damaged("its directory should have " + std::to_string(directory.bytes) + " bytes from byte " +
                 std::to_string(directory.begin) + " on, but has to end at byte " + std::to_string(end_at));
  }
  if (directory.members > directory.bytes / kMemberBytes) {
    file.damaged("its directory has " + std::to_string(directory.bytes) + " bytes, too few for " +
                 std::to_string(directory.members) + " members");
  }
  return directory;
}

/// Puts the 64-bit numbers of a member's extra field in the place of those that are all ones.
void apply_zip64(const InputFile& file, Bytes extra, Member& member) {
  const bool wanted[] = {member.bytes == 0xFFFFFFFF, member.stored_bytes == 0xFFFFFFFF,
                         member.header_at == 0xFFFFFFFF};
  std::uint64_t* const numbers[] = {&member.bytes, &member.stored_bytes, &member.header_at};
  while (extra.size() >= 4) {
    const std::uint16_t kind = u16(extra, 0);
    const std::uint16_t size = u16(extra, 2);
    if (size > extra.size() - 4)
      file.damaged("the extra field of the member '" + member.name + "' is cut off");
    Bytes content = extra.subspan(4, size);
    extra = extra.subspan(4 + std::size_t{size});
    if (kind != 1) continue;
    for (std::size_t k = 0; k < 3; ++k) {
      if (!wanted[k]) continue;
      if (content.size() < 8) file.damaged("the zip64 field of the member '" + member.name + "' is cut off");
      *numbers[k] = u64(content, 0);
      content = content.subspan(8);
    }
    return;
  }
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<Member> read_directory(const InputFile& file) {
  const Directory directory = find_directory(file);
  std::vector<std::byte> image(static_cast<std::size_t>(directory.bytes));
  file.read_at(directory.begin, image, "the directory");
  std::vector<Member> members;
  Bytes rest = image;
  for (std::uint64_t k = 0; k < directory.members; ++k) {
    if (rest.size() < kMemberBytes || u32(rest, 0) != 0x02014b50)
      file.damaged("there is no entry at byte " +
                   std::to_string(directory.begin + image.size() - rest.size()) + " of its directory");
    const std::size_t name_bytes = u16(rest, 28);
    const std::size_t extra_bytes = u16(rest, 30);
    const std::size_t whole = kMemberBytes + name_bytes + extra_bytes + u16(rest, 32);
    if (whole > rest.size()) file.damaged("the last entry of its directory is cut off");
    Member member{.name = text_of(rest.subspan(kMemberBytes, name_bytes)),
                  .flags = u16(rest, 8),
                  .method = u16(rest, 10),
                  .crc = u32(rest, 16),
                  .stored_bytes = u32(rest, 20),
                  .bytes = u32(rest, 24),
                  .header_at = u32(rest, 42)};
    apply_zip64(file, rest.subspan(kMemberBytes + name_bytes, extra_bytes), member);
    members.push_back(std::move(member));
    rest = rest.subspan(whole);
  }
  if (!rest.empty()) file.damaged("its directory has more than its members");

  // Members in the order of their places, so that an overlap is one with the neighbour.
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.header_at < b.header_at; });
  std::uint64_t free_from = 0;
  std::set<std::string_view> names;
  for (Member& member : members) {
    const auto wrong = [&](const std::string& problem) {
      file.damaged("the member '" + member.name + "' " + problem);
    };
    if (!names.insert(member.name).second) wrong("is there twice");
    if (member.header_at < free_from)
      wrong("overlaps the one before, which ends at byte " + std::to_string(free_from));
    std::array<std::byte, kLocalBytes> local{};
    if (member.header_at > directory.begin || directory.begin - member.header_at < kLocalBytes)
      wrong("should be at byte " + std::to_string(member.header_at) + ", where there is no room for it");
    file.read_at(member.header_at, local, "the header of a member");
    std::string name(u16(local, 26), '\0');
    member.data_at = member.header_at + kLocalBytes + name.size() + u16(local, 28);
    if (member.data_at > directory.begin || member.stored_bytes > directory.begin - member.data_at) {
      wrong("should have " + std::to_string(member.stored_bytes) + " bytes from byte " +
            std::to_string(member.data_at) + " on, but the directory begins at byte " +
            std::to_string(directory.begin));
    }
    file.read_at(member.header_at + kLocalBytes, std::as_writable_bytes(std::span(name)),
                 "the name of a member");
    if (u32(local, 0) != 0x04034b50 || name != member.name || u16(local, 8) != member.method)
      wrong("has another header at byte " + std::to_string(member.header_at) + " than the directory says");
    free_from = member.data_at + member.stored_bytes;
  }
  return members;
}

/// The content of a member from front to back, checked as it comes.
class MemberStream {
 public:
  MemberStream(const InputFile& file, const Member& member)
      : file_(file),
        member_(member),
        stored_left_(member.stored_bytes),
        left_(member.bytes),
        at_(member.data_at) {
    if (member_.method != kDeflated) return;
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, member.stored_bytes)));
    if (inflateInit2(&inflate_, -MAX_WBITS) != Z_OK)
      throw ResourceExhaustedError("no memory to inflate data");
  }
  ~MemberStream() {
    if (member_.method == kDeflated) inflateEnd(&inflate_);
  }
  MemberStream(const MemberStream&) = delete;
  MemberStream& operator=(const MemberStream&) = delete;

  std::uint64_t left() const noexcept { return left_; }

  void read(std::span<std::byte> into) {
    if (into.size() > left_) wrong("ends too early: its array needs more bytes than it has");
    left_ -= into.size();
    if (member_.method == kStored) {
      file_.read_at(at_, into, "a member");
      at_ += into.size();
    } else {
      inflate_to(into);
    }
    for (std::size_t done = 0; done < into.size();) {
      const std::size_t size = std::min<std::size_t>(into.size() - done, 1U << 30);
      crc_ = crc32(crc_, reinterpret_cast<const Bytef*>(into.data() + done), static_cast<uInt>(size));
      done += size;
    }
  }

  /// Call it when all has been read.
  void finish() {
    if (left_ != 0) wrong("has " + std::to_string(left_) + " bytes behind its array");
    if (crc_ != member_.crc)
      wrong("does not have its checksum: its bytes from byte " + std::to_string(member_.data_at) +
            " on have changed");
  }

  [[noreturn]] void wrong(const std::string& problem) const {
    file_.damaged("the member '" + member_.name + "' " + problem);
  }

 private:
  void inflate_to(std::span<std::byte> into) {
    while (!into.empty()) {
      if (inflate_.avail_in == 0 && stored_left_ > 0) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), stored_left_));
        file_.read_at(at_, std::span(buffer_).first(size), "a member");
        at_ += size;
        stored_left_ -= size;
        inflate_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
        inflate_.avail_in = static_cast<uInt>(size);
      }
      const std::size_t size = std::min<std::size_t>(into.size(), 1U << 30);
      inflate_.next_out = reinterpret_cast<Bytef*>(into.data());
      inflate_.avail_out = static_cast<uInt>(size);
      const int result = inflate(&inflate_, Z_NO_FLUSH);
      const std::size_t made = size - inflate_.avail_out;
      into = into.subspan(made);
      if (result == Z_STREAM_END && into.empty()) return;
      // Without progress it would not end: the compressed data is used up, or is none.
      if (result != Z_OK && !(result == Z_BUF_ERROR && stored_left_ > 0)) wrong("is no proper deflated data");
      if (made == 0 && inflate_.avail_in == 0 && stored_left_ == 0)
        wrong("has deflated data that is cut off");
    }
  }

  const InputFile& file_;
  const Member& member_;
  std::uint64_t stored_left_;
  std::uint64_t left_;
  std::uint64_t at_;
  uLong crc_ = 0;
  z_stream inflate_{};
  std::vector<std::byte> buffer_;
};

NpyHeader read_header(MemberStream& stream) {
  std::array<std::byte, 8> magic{};
  stream.read(magic);
  if (std::memcmp(magic.data(), "\x93NUMPY", 6) != 0)
    stream.wrong("is no .npy file: it does not begin as one");
  const auto version = static_cast<unsigned>(magic[6]);
  if (version < 1 || version > 3)
    stream.wrong("has .npy version " + std::to_string(version) + "; 1 to 3 are read");
  std::array<std::byte, 4> length{};
  stream.read(std::span(length).first(version == 1 ? 2 : 4));
  const std::uint32_t bytes = u32(length, 0);
  if (bytes > kMaxNpyHeaderBytes) stream.wrong("has a .npy header of " + std::to_string(bytes) + " bytes");
  std::string text(bytes, '\0');
  stream.read(std::as_writable_bytes(std::span(text)));
  try {
    return parse_npy_header(text);
  } catch (const InvalidArgumentError& error) {
    stream.wrong(error.what());
  }
}

/// An array whose memory is that of the reversed shape, as numpy's Fortran order has it, brought in order.
Array transposed(const Array& reversed, const Shape& shape) {
  Array result = Array::uninitialized(shape, reversed.dtype());
  const std::size_t size = dtype_size(reversed.dtype());
  const auto rank = static_cast<std::size_t>(shape.rank());
  std::vector<std::int64_t> index(rank, 0);
  std::vector<std::int64_t> strides(rank, 1);
  for (std::size_t axis = 1; axis < rank; ++axis)
    strides[axis] = strides[axis - 1] * shape[static_cast<int>(axis) - 1];
  const auto* from = static_cast<const std::byte*>(reversed.data());
  auto* to = static_cast<std::byte*>(result.data());
  std::int64_t at = 0;
  for (std::int64_t k = 0; k < result.num_elements(); ++k, to += size) {
    std::memcpy(to, from + static_cast<std::size_t>(at) * size, size);
    for (std::size_t axis = rank; axis-- > 0;) {
      at += strides[axis];
      if (++index[axis] < shape[static_cast<int>(axis)]) break;
      at -= strides[axis] * index[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/// Returns why the member is no variable; empty if `array` is one.
std::string read_member(const InputFile& file, const Member& member, Array& array,
                        const ReportBytes& report) {
  MemberStream stream(file, member);
  const NpyHeader header = read_header(stream);
  if (!header.problem.empty()) return header.problem;
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(header.elements, stored_size(header.type), &bytes) || bytes != stream.left()) {
    stream.wrong("has " + std::to_string(stream.left()) + " bytes of elements, but its shape and type need " +
                 std::to_string(header.elements) + " elements of " +
                 std::to_string(stored_size(header.type)));
  }
  const Shape shape(header.dimensions);
  const Shape in_memory(header.fortran_order
                            ? std::vector<std::int64_t>(header.dimensions.rbegin(), header.dimensions.rend())
                            : header.dimensions);
  array = Array::uninitialized(in_memory, dtype_for(header.type));
  if (is_stored_alike(header.type, header.order)) {
    stream.read({static_cast<std::byte*>(array.data()), array.num_bytes()});
  } else {
    Array raw = Array::uninitialized(Shape{static_cast<std::int64_t>(bytes)}, DType::uint8);
    const std::span<std::byte> whole{static_cast<std::byte*>(raw.data()), raw.num_bytes()};
    stream.read(whole);
    convert_elements(whole, header.type, header.order, array);
  }
  stream.finish();
  report(bytes);
  if (header.fortran_order && shape.rank() > 1) array = transposed(array, shape);
  return value_problem(header.type, array);
}

/// Why a member is not even looked at; empty if it is. Throws for what cannot be.
std::string check_member(const InputFile& file, const Member& member) {
  if (!member.name.ends_with(kSuffix)) return "it is no .npy file";
  if (member.name.size() == kSuffix.size()) return "it has no name";
  if ((member.flags & kEncrypted) != 0)
    throw InvalidArgumentError("'" + file.path() + "': the member '" + member.name +
                               "' is encrypted; write the archive without a password");
  if (member.method != kStored && member.method != kDeflated)
    return "it is compressed by method " + std::to_string(member.method) + "; only deflate is read";
  const std::uint64_t most = member.method == kStored
                                 ? member.stored_bytes
                                 : member.stored_bytes * kMostFromOneByte + kMostFromOneByte;
  if (member.bytes > most || (member.method == kStored && member.bytes != member.stored_bytes)) {
    file.damaged("the member '" + member.name + "' should have " + std::to_string(member.bytes) +
                 " bytes, which its " + std::to_string(member.stored_bytes) + " stored bytes cannot give");
  }
  return {};
}

}  // namespace

FileContents read_npz(const std::string& path, const ReportBytes& report) {
  const InputFile file(path);
  const std::vector<Member> members = read_directory(file);
  FileContents contents;
  std::uint64_t declared = 0;
  for (const Member& member : members) {
    std::string reason = check_member(file, member);
    if (reason.empty()) {
      declared += member.bytes;
      if (declared > kHarmlessBytes && declared / 1000 > file.size()) {
        file.damaged("up to the member '" + member.name + "' it declares " + std::to_string(declared) +
                     " bytes, more than a thousand times its own " + std::to_string(file.size()));
      }
      Array array;
      reason = read_member(file, member, array, report);
      if (reason.empty()) {
        std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
        contents.variables.emplace_back(std::move(name), std::move(array));
        continue;
      }
    }
    contents.skipped.push_back({member.name, std::move(reason)});
  }
  std::sort(contents.variables.begin(), contents.variables.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return contents;
}

}  // namespace varscope::tools
