// SPDX-License-Identifier: Apache-2.0
#include "file_system.hpp"

#include "system_calls.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <utility>

namespace varscope::io {

namespace {

// Linux moves at most 2 GiB less a page in one call; stay well below.
constexpr std::size_t kMaxTransfer = std::size_t{1} << 30;

/// Repeats a call that a signal interrupts. Returns what it returns.
template <typename Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// An open descriptor.
class Descriptor {
 public:
  Descriptor(SystemCalls& calls, const std::string& path, int flags, mode_t mode = 0)
      : calls_(calls),
        number_(uninterrupted([&] { return calls.open(path.c_str(), flags | O_CLOEXEC, mode); })) {}
  Descriptor(Descriptor&& other) noexcept : calls_(other.calls_), number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  // After EINTR the descriptor is gone on Linux; a second close could hit somebody else's file.
  ~Descriptor() {
    if (number_ >= 0) calls_.close(number_);
  }

  SystemCalls& calls() const noexcept { return calls_; }
  /// Negative if it could not be opened; then errno says why.
  int number() const noexcept { return number_; }

 private:
  SystemCalls& calls_;
  int number_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(Descriptor descriptor, std::string path, std::uint64_t size)
      : descriptor_(std::move(descriptor)), path_(std::move(path)), size_(size) {}

  std::uint64_t size() const override { return size_; }

  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    while (!into.empty()) {
      const ssize_t count = uninterrupted([&] {
        return descriptor_.calls().pread(descriptor_.number(), into.data(),
                                         std::min(into.size(), kMaxTransfer), offset);
      });
      if (count < 0) throw_system_error(errno, "read", path_);
      if (count == 0) {
        throw DataLossError("'" + path_ + "' ends at byte " + std::to_string(offset) + ", but " +
                            std::to_string(into.size()) + " more bytes were expected there");
      }
      into = into.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

 private:
  Descriptor descriptor_;
  std::string path_;
  std::uint64_t size_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  void reserve(std::uint64_t size) override {
    const std::string operation = "reserve " + std::to_string(size) + " bytes for";
    SystemCalls& calls = descriptor_.calls();
    const int file = descriptor_.number();
    if (size > 0 && uninterrupted([&] { return calls.fallocate(file, size); }) < 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS) {
      throw_system_error(errno, operation, path_);
    }
    if (uninterrupted([&] { return calls.ftruncate(file, size); }) < 0) {
      throw_system_error(errno, operation, path_);
    }
  }

  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = uninterrupted([&] {
        return descriptor_.calls().pwrite(descriptor_.number(), bytes.data(),
                                          std::min(bytes.size(), kMaxTransfer), offset);
      });
      if (count < 0) throw_system_error(errno, "write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

  void sync() override {
    // Times need not be on the device, the size has to be.
    if (uninterrupted([&] { return descriptor_.calls().fdatasync(descriptor_.number()); }) < 0) {
      throw_system_error(errno, "flush to the device", path_);
    }
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(SystemCalls& calls) : calls_(calls) {}

  std::unique_ptr<ReadableFile> open(const std::string& path) override {
    // Without O_NONBLOCK the open of a pipe would wait for a writer.
    Descriptor descriptor(calls_, path, O_RDONLY | O_NONBLOCK);
    struct stat information {};
    if (descriptor.number() < 0 || calls_.fstat(descriptor.number(), information) < 0) {
      throw_system_error(errno, "open", path);
    }
    if (!S_ISREG(information.st_mode)) {
      throw InvalidArgumentError("cannot open '" + path + "': it is " +
                                 (S_ISDIR(information.st_mode) ? "a directory" : "not a regular file") +
                                 "; give the path of a checkpoint file");
    }
    return std::make_unique<PosixReadableFile>(std::move(descriptor), path,
                                               static_cast<std::uint64_t>(information.st_size));
  }

  std::unique_ptr<WritableFile> create(const std::string& path) override {
    Descriptor descriptor(calls_, path, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (descriptor.number() < 0) throw_system_error(errno, "create", path);
    // Between the two calls the file looks abandoned: somebody may have locked it in order to remove it, or
    // have done so. Where there are no locks, nobody removes anything.
    struct stat information {};
    const bool locked_by_other = lock(descriptor.number()) == EWOULDBLOCK;
    if (locked_by_other ||
        (calls_.fstat(descriptor.number(), information) == 0 && information.st_nlink == 0)) {
      throw_system_error(EEXIST, "create", path);
    }
    return std::make_unique<PosixWritableFile>(std::move(descriptor), path);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (calls_.rename(from.c_str(), to.c_str()) < 0)
      throw_system_error(errno, "rename '" + from + "' to", to);
  }

  void remove(const std::string& path) override {
    if (calls_.unlink(path.c_str()) < 0) throw_system_error(errno, "remove", path);
  }

  bool remove_if_abandoned(const std::string& path) override {
    const Descriptor descriptor(calls_, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
    if (descriptor.number() < 0) return false;
    struct stat locked {};
    struct stat named {};
    // The name may lead to another file by now: only what is locked may go.
    return calls_.fstat(descriptor.number(), locked) == 0 && S_ISREG(locked.st_mode) &&
           lock(descriptor.number()) == 0 && calls_.lstat(path.c_str(), named) == 0 &&
           is_same_file(locked, named) && calls_.unlink(path.c_str()) == 0;
  }

  void sync_directory(const std::string& path) override {
    const Descriptor descriptor(calls_, path, O_RDONLY | O_DIRECTORY);
    if (descriptor.number() < 0) throw_system_error(errno, "open the directory", path);
    const int result = uninterrupted([&] { return calls_.fsync(descriptor.number()); });
    // Some file systems have nothing to flush here and say so in this way.
    if (result < 0 && errno != EINVAL && errno != ENOTSUP) {
      throw_system_error(errno, "flush the directory", path);
    }
  }

  std::optional<FileStatus> status(const std::string& path) override {
    struct stat information {};
    if (uninterrupted([&] { return calls_.stat(path.c_str(), information); }) < 0) {
      if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
      throw_system_error(errno, "examine", path);
    }
    return FileStatus{.is_directory = S_ISDIR(information.st_mode),
                      .size = static_cast<std::uint64_t>(information.st_size),
                      .modified_seconds = static_cast<double>(information.st_mtim.tv_sec) +
                                          1e-9 * static_cast<double>(information.st_mtim.tv_nsec)};
  }

  std::vector<std::string> list(const std::string& path) override {
    std::vector<std::string> names;
    if (uninterrupted([&] { return names.clear(), calls_.list(path.c_str(), names); }) < 0) {
      throw_system_error(errno, "list", path);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  /// Takes the lock of a file that is being written. Returns 0 or the reason why not.
  int lock(int descriptor) {
    return uninterrupted([&] { return calls_.lock(descriptor); }) < 0 ? errno : 0;
  }

  SystemCalls& calls_;
};

}  // namespace

FileSystem& posix_file_system() {
  static SystemCalls calls;
  static PosixFileSystem instance(calls);
  return instance;
}

std::unique_ptr<FileSystem> make_posix_file_system(SystemCalls& calls) {
  return std::make_unique<PosixFileSystem>(calls);
}

void throw_system_error(int error_number, const std::string& operation, const std::string& path) {
  const std::string message =
      "cannot " + operation + " '" + path + "': " + std::generic_category().message(error_number);
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      throw NotFoundError(message);
    case EEXIST:
      throw AlreadyExistsError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      throw ResourceExhaustedError(message);
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EINVAL:
      throw InvalidArgumentError(message);
    case EIO:
      throw DataLossError(message);
    default:  // EACCES, EPERM, EROFS, EBUSY, ...: the world around is not as the call needs it
      throw FailedPreconditionError(message);
  }
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string join_path(const std::string& directory, const std::string& name) {
  if (directory == "." || name.starts_with('/')) return name;
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

}  // namespace varscope::io
