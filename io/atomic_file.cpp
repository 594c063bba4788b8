// SPDX-License-Identifier: Apache-2.0
#include "durable_file.hpp"

#include <varscope/atomic_file.hpp>
#include <varscope/error.hpp>

#include <cstdint>
#include <optional>

namespace varscope {

void write_file_atomically(const std::string& path, const std::function<void(const AppendBytes&)>& write) {
  io::FileSystem& files = io::posix_file_system();
  if (path.empty()) throw ValueError("a file needs a path, but it is empty");
  const std::optional<io::FileStatus> status = files.status(path);
  if (status && status->is_directory)
    throw ValueError("cannot write '" + path + "': it is a directory; add the name of a file");
  io::write_durably(files, path, [&write](io::WritableFile& file) {
    std::uint64_t end = 0;
    write([&file, &end](std::span<const std::byte> bytes) {
      file.write_at(end, bytes);
      end += bytes.size();
    });
  });
}

}  // namespace varscope
