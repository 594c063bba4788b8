// SPDX-License-Identifier: Apache-2.0
#include "file_system.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace varscope::io {

namespace {

// Linux moves at most 2 GiB less a page in one call; stay well below.
constexpr std::size_t kMaxTransfer = std::size_t{1} << 30;

int open_descriptor(const std::string& path, int flags, mode_t mode = 0) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// Takes the lock of a file that is being written, without waiting. Returns 0 or the reason why not.
int try_lock(int descriptor) {
  int result = -1;
  do {
    result = ::flock(descriptor, LOCK_EX | LOCK_NB);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int sync_descriptor(int descriptor) {
  int result = -1;
  do {
    result = ::fsync(descriptor);
  } while (result < 0 && errno == EINTR);
  return result;
}

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(int descriptor, std::string path, std::uint64_t size)
      : descriptor_(descriptor), path_(std::move(path)), size_(size) {}
  ~PosixReadableFile() override { ::close(descriptor_); }
  PosixReadableFile(const PosixReadableFile&) = delete;
  PosixReadableFile& operator=(const PosixReadableFile&) = delete;

  std::uint64_t size() const override { return size_; }

  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    while (!into.empty()) {
      const ssize_t count =
          ::pread(descriptor_, into.data(), std::min(into.size(), kMaxTransfer), static_cast<off_t>(offset));
      if (count < 0) {
        if (errno == EINTR) continue;
        throw_system_error(errno, "read", path_);
      }
      if (count == 0) {
        throw DataLossError("'" + path_ + "' ends at byte " + std::to_string(offset) + ", but " +
                            std::to_string(into.size()) + " more bytes were expected there");
      }
      into = into.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

 private:
  int descriptor_;
  std::string path_;
  std::uint64_t size_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixWritableFile() override { ::close(descriptor_); }
  PosixWritableFile(const PosixWritableFile&) = delete;
  PosixWritableFile& operator=(const PosixWritableFile&) = delete;

  void reserve(std::uint64_t size) override {
#if defined(__linux__)
    int result = -1;
    do {
      result = size > 0 ? ::fallocate(descriptor_, 0, 0, static_cast<off_t>(size)) : 0;
    } while (result < 0 && errno == EINTR);
    if (result < 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
      throw_system_error(errno, "reserve " + std::to_string(size) + " bytes for", path_);
    }
#endif
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) < 0) {
      throw_system_error(errno, "reserve " + std::to_string(size) + " bytes for", path_);
    }
  }

  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::pwrite(descriptor_, bytes.data(), std::min(bytes.size(), kMaxTransfer),
                                     static_cast<off_t>(offset));
      if (count < 0) {
        if (errno == EINTR) continue;
        throw_system_error(errno, "write", path_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

  void sync() override {
    // Times need not be on the device, the size has to be.
    int result = -1;
    do {
      result = ::fdatasync(descriptor_);
    } while (result < 0 && errno == EINTR);
    if (result < 0) throw_system_error(errno, "flush to the device", path_);
  }

 private:
  int descriptor_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<ReadableFile> open(const std::string& path) override {
    // Without O_NONBLOCK the open of a pipe would wait for a writer.
    const int descriptor = open_descriptor(path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0) throw_system_error(errno, "open", path);
    struct stat information {};
    if (::fstat(descriptor, &information) < 0) {
      const int reason = errno;
      ::close(descriptor);
      throw_system_error(reason, "open", path);
    }
    if (!S_ISREG(information.st_mode)) {
      ::close(descriptor);
      throw InvalidArgumentError("cannot open '" + path + "': it is " +
                                 (S_ISDIR(information.st_mode) ? "a directory" : "not a regular file") +
                                 "; give the path of a checkpoint file");
    }
    return std::make_unique<PosixReadableFile>(descriptor, path,
                                               static_cast<std::uint64_t>(information.st_size));
  }

  std::unique_ptr<WritableFile> create(const std::string& path) override {
    const int descriptor = open_descriptor(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (descriptor < 0) throw_system_error(errno, "create", path);
    // Between the two calls the file looks abandoned: somebody may have locked it in order to remove it, or
    // have done so. Where there are no locks, nobody removes anything.
    struct stat information {};
    const bool locked_by_other = try_lock(descriptor) == EWOULDBLOCK;
    if (locked_by_other || (::fstat(descriptor, &information) == 0 && information.st_nlink == 0)) {
      ::close(descriptor);
      throw_system_error(EEXIST, "create", path);
    }
    return std::make_unique<PosixWritableFile>(descriptor, path);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) throw_system_error(errno, "rename '" + from + "' to", to);
  }

  void remove(const std::string& path) override {
    if (::unlink(path.c_str()) < 0) throw_system_error(errno, "remove", path);
  }

  bool remove_if_abandoned(const std::string& path) override {
    const int descriptor = open_descriptor(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
    if (descriptor < 0) return false;
    struct stat locked {};
    struct stat named {};
    // The name may lead to another file by now: only what is locked may go.
    const bool abandoned = ::fstat(descriptor, &locked) == 0 && S_ISREG(locked.st_mode) &&
                           try_lock(descriptor) == 0 && ::lstat(path.c_str(), &named) == 0 &&
                           is_same_file(locked, named) && ::unlink(path.c_str()) == 0;
    ::close(descriptor);
    return abandoned;
  }

  void sync_directory(const std::string& path) override {
    const int descriptor = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0) throw_system_error(errno, "open the directory", path);
    const int reason = sync_descriptor(descriptor) < 0 ? errno : 0;
    ::close(descriptor);
    // Some file systems have nothing to flush here and say so in this way.
    if (reason != 0 && reason != EINVAL && reason != ENOTSUP) {
      throw_system_error(reason, "flush the directory", path);
    }
  }

  std::optional<FileStatus> status(const std::string& path) override {
    struct stat information {};
    if (::stat(path.c_str(), &information) < 0) {
      if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
      throw_system_error(errno, "examine", path);
    }
    return FileStatus{.is_directory = S_ISDIR(information.st_mode),
                      .size = static_cast<std::uint64_t>(information.st_size),
                      .modified_seconds = static_cast<double>(information.st_mtim.tv_sec) +
                                          1e-9 * static_cast<double>(information.st_mtim.tv_nsec)};
  }

  std::vector<std::string> list(const std::string& path) override {
    const auto close_directory = [](DIR* open_directory) { ::closedir(open_directory); };
    const std::unique_ptr<DIR, decltype(close_directory)> directory(::opendir(path.c_str()), close_directory);
    if (!directory) throw_system_error(errno, "list", path);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
      errno = 0;
    }
    if (errno != 0) throw_system_error(errno, "list", path);
    std::sort(names.begin(), names.end());
    return names;
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem instance;
  return instance;
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
