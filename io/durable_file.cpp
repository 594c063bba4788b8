// SPDX-License-Identifier: Apache-2.0
#include "durable_file.hpp"

#include "crc32c.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <unistd.h>

namespace varscope::io {

namespace {

constexpr int kMaxNameAttempts = 100;
constexpr std::string_view kMark = ".tmp-";
constexpr std::size_t kHostDigits = 8;

/// Of this machine, in hexadecimal. Locks of a shared directory may be seen by one machine only, so none
/// judges what another has left.
std::string host_digits() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  const std::string_view text(name.data());
  std::array<char, kHostDigits + 1> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x",
                crc32c({reinterpret_cast<const std::byte*>(text.data()), text.size()}));
  return digits.data();
}

struct FileBeside {
  std::string path;
  std::unique_ptr<WritableFile> file;
};

/// A new file in the same directory, hence on the same file system, under a name that nobody else uses.
FileBeside create_beside(FileSystem& files, const std::string& path) {
  static std::atomic<unsigned> counter{0};
  const std::string beginning =
      path + std::string(kMark) + host_digits() + "-" + std::to_string(::getpid()) + "-";
  for (int attempt = 1;; ++attempt) {
    // Relaxed: only that the numbers differ matters.
    const unsigned number = counter.fetch_add(1, std::memory_order_relaxed);
    std::string beside = beginning + std::to_string(number);
    try {
      std::unique_ptr<WritableFile> file = files.create(beside);
      return {std::move(beside), std::move(file)};
    } catch (const AlreadyExistsError&) {
      // Of a process with the same id that was killed, or taken away as it was made.
      if (attempt == kMaxNameAttempts) throw;
    }
  }
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Whether create_beside() on this machine gives such names.
bool is_name_beside(std::string_view name, std::string_view host) {
  const std::size_t mark = name.rfind(kMark);
  if (mark == std::string_view::npos) return false;
  std::string_view rest = name.substr(mark + kMark.size());
  if (!rest.starts_with(host) || rest.size() <= host.size() || rest[host.size()] != '-') return false;
  rest.remove_prefix(host.size() + 1);
  const std::size_t dash = rest.find('-');
  return dash != std::string_view::npos && is_number(rest.substr(0, dash)) &&
         is_number(rest.substr(dash + 1));
}

/// Not being able to clean up is no reason not to write.
void remove_abandoned_files(FileSystem& files, const std::string& directory) {
  try {
    const std::string host = host_digits();
    for (const std::string& name : files.list(directory)) {
      if (is_name_beside(name, host)) files.remove_if_abandoned(join_path(directory, name));
    }
  } catch (const Error&) {
  }
}

}  // namespace

void write_durably(FileSystem& files, const std::string& path,
                   const std::function<void(WritableFile&)>& write) {
  remove_abandoned_files(files, directory_of(path));
  FileBeside beside = create_beside(files, path);
  try {
    write(*beside.file);
    beside.file->sync();
    // Still open, hence locked: nobody takes it for left behind before it has its name.
    files.rename(beside.path, path);
  } catch (...) {
    try {
      files.remove(beside.path);
    } catch (const Error&) {
      // The first error is the one to report.
    }
    throw;
  }
  beside.file.reset();  // what closing could report, flushing has
  files.sync_directory(directory_of(path));
}

}  // namespace varscope::io
