// SPDX-License-Identifier: Apache-2.0
#include "npy_header.hpp"
#include "npz.hpp"
#include "utf8.hpp"

#include <varscope/atomic_file.hpp>
#include <varscope/error.hpp>

#include <algorithm>
#include <string_view>
#include <vector>
#include <zlib.h>

namespace varscope::tools {

namespace {

constexpr std::uint64_t kAllOnes = 0xFFFFFFFF;
constexpr std::size_t kMostAtOnce = 1U << 30;
constexpr std::uint16_t kNamesAreUtf8 = 1U << 11;
constexpr std::uint16_t kMidnight = 0;          // no time stamps: equal variables give equal bytes
constexpr std::uint16_t kFirstOf1980 = 0x0021;  // the earliest day that an archive can say

void put(std::string& to, std::uint64_t value, std::size_t bytes) {
  for (; bytes > 0; --bytes, value >>= 8) to += static_cast<char>(value & 0xFF);
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct Written {
  std::string name;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t header_at = 0;

  bool large() const noexcept { return stored_bytes >= kAllOnes || bytes >= kAllOnes; }
};

/// What a member's local header and its entry of the directory have in common, from the flags to the length
/// of the name.
void put_common(std::string& to, const Written& member, bool large) {
  put(to, is_utf8(member.name) ? kNamesAreUtf8 : 0, 2);
  put(to, member.method, 2);
  put(to, kMidnight, 2);
  put(to, kFirstOf1980, 2);
  put(to, member.crc, 4);
  put(to, large ? kAllOnes : member.stored_bytes, 4);
  put(to, large ? kAllOnes : member.bytes, 4);
  put(to, member.name.size(), 2);
}

std::string local_header(const Written& member) {
  std::string header;
  put(header, 0x04034b50, 4);
  put(header, member.large() ? 45 : 20, 2);
  put_common(header, member, member.large());
  put(header, member.large() ? 20 : 0, 2);
  header += member.name;
  if (member.large()) {
    put(header, 1, 2);
    put(header, 16, 2);
    put(header, member.bytes, 8);
    put(header, member.stored_bytes, 8);
  }
  return header;
}

std::string directory_entry(const Written& member) {
  const bool far = member.header_at >= kAllOnes;
  const std::size_t extra = (member.large() ? 16U : 0U) + (far ? 8U : 0U);
  std::string entry;
  put(entry, 0x02014b50, 4);
  put(entry, 45, 2);
  put(entry, extra > 0 ? 45 : 20, 2);
  put_common(entry, member, member.large());
  put(entry, extra > 0 ? extra + 4 : 0, 2);
  put(entry, 0, 2 + 2 + 2 + 4);  // comment, disk, attributes
  put(entry, far ? kAllOnes : member.header_at, 4);
  entry += member.name;
  if (extra > 0) {
    put(entry, 1, 2);
    put(entry, extra, 2);
    if (member.large()) put(entry, member.bytes, 8);
    if (member.large()) put(entry, member.stored_bytes, 8);
    if (far) put(entry, member.header_at, 8);
  }
  return entry;
}

std::string end_of_directory(std::uint64_t members, std::uint64_t at, std::uint64_t bytes) {
  std::string end;
  const bool large = members >= 0xFFFF || at >= kAllOnes || bytes >= kAllOnes;
  if (large) {
    put(end, 0x06064b50, 4);
    put(end, 44, 8);
    put(end, 45, 2);
    put(end, 45, 2);
    put(end, 0, 8);
    put(end, members, 8);
    put(end, members, 8);
    put(end, bytes, 8);
    put(end, at, 8);
    put(end, 0x07064b50, 4);
    put(end, 0, 4);
    put(end, at + bytes, 8);
    put(end, 1, 4);
  }
  put(end, 0x06054b50, 4);
  put(end, 0, 4);
  put(end, large ? 0xFFFF : members, 2);
  put(end, large ? 0xFFFF : members, 2);
  put(end, large ? kAllOnes : bytes, 4);
  put(end, large ? kAllOnes : at, 4);
  put(end, 0, 2);
  return end;
}

template <typename Use>
void in_pieces(std::span<const std::byte> bytes, const Use& use) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto piece = bytes.subspan(done, std::min(bytes.size() - done, kMostAtOnce));
    use(piece);
    done += piece.size();
  }
}

std::uint32_t crc_of(std::uint32_t crc, std::span<const std::byte> bytes) {
  uLong result = crc;
  in_pieces(bytes, [&](std::span<const std::byte> piece) {
    result = crc32(result, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
  });
  return static_cast<std::uint32_t>(result);
}

class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw ResourceExhaustedError("no memory to deflate data");
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void add(std::span<const std::byte> bytes, int flush) {
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      std::byte buffer[1 << 14];
      stream_.next_out = reinterpret_cast<Bytef*>(buffer);
      stream_.avail_out = sizeof buffer;
      deflate(&stream_, flush);
      result_.insert(result_.end(), buffer, buffer + (sizeof buffer - stream_.avail_out));
    } while (stream_.avail_out == 0);
  }

  const std::vector<std::byte>& result() const noexcept { return result_; }

 private:
  z_stream stream_{};
  std::vector<std::byte> result_;
};

class NpzWriter {
 public:
  NpzWriter(const AppendBytes& append, const NpzOptions& options) : append_(append), options_(options) {}

  void add(const std::string& name, const Array& array) {
    const std::string header = npy_header(array.dtype(), array.shape());
    const std::span<const std::byte> elements{static_cast<const std::byte*>(array.data()), array.num_bytes()};
    Written member{.name = name + ".npy",
                   .crc = crc_of(crc_of(0, bytes_of(header)), elements),
                   .stored_bytes = header.size() + elements.size(),
                   .bytes = header.size() + elements.size(),
                   .header_at = at_};
    if (options_.deflate) {
      Deflater deflater;
      deflater.add(bytes_of(header), Z_NO_FLUSH);
      in_pieces(elements, [&](std::span<const std::byte> piece) { deflater.add(piece, Z_NO_FLUSH); });
      deflater.add({}, Z_FINISH);
      if (deflater.result().size() < member.bytes) {
        member.method = 8;
        member.stored_bytes = deflater.result().size();
        append(bytes_of(local_header(member)));
        append(deflater.result());
      }
    }
    if (member.method == 0) {
      append(bytes_of(local_header(member)));
      append(bytes_of(header));
      append(elements);
    }
    members_.push_back(std::move(member));
  }

  void finish() {
    const std::uint64_t begin = at_;
    for (const Written& member : members_) append(bytes_of(directory_entry(member)));
    append(bytes_of(end_of_directory(members_.size(), begin, at_ - begin)));
  }

 private:
  void append(std::span<const std::byte> bytes) {
    append_(bytes);
    at_ += bytes.size();
  }

  const AppendBytes& append_;
  const NpzOptions& options_;
  std::uint64_t at_ = 0;
  std::vector<Written> members_;
};

void check_name(const std::string& name) {
  if (!is_utf8(name) || name.find('\0') != std::string::npos)
    throw ValueError("the variable '" + printable(name) +
                     "' cannot be written into a .npz file: its name is not UTF-8, or has a NUL; rename it");
}

}  // namespace

void write_npz(const std::string& path, std::span<const std::pair<std::string, Array>> variables,
               const NpzOptions& options, const ReportBytes& report) {
  for (const auto& [name, array] : variables) check_name(name);
  write_file_atomically(path, [&](const AppendBytes& append) {
    NpzWriter writer(append, options);
    for (const auto& [name, array] : variables) {
      writer.add(name, array);
      report(array.num_bytes());
    }
    writer.finish();
  });
}

}  // namespace varscope::tools
