// SPDX-License-Identifier: Apache-2.0
// Files as gzip makes them.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <zlib.h>

namespace varscope::testing {

/// The content as one gzip member.
inline std::string gzip(const std::string& content) {
  z_stream stream{};
  constexpr int gzip_with_largest_window = 16 + 15;
  if (deflateInit2(&stream, 9, Z_DEFLATED, gzip_with_largest_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("no memory to compress");
  }
  std::string compressed(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int result = deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("cannot compress");
  return compressed;
}

}  // namespace varscope::testing
