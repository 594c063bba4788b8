// SPDX-License-Identifier: Apache-2.0
// The child writes into a pipe: for each variable 'V', name, dtype, rank, dimensions, elements; for each
// skipped object 'S', name, reason; at last 'D', or 'E', code, message. Numbers have 8 bytes. The parent
// trusts none of it: the child may have been taken over by the file.
#include "foreign_hdf5_process.hpp"

#include <varscope/error.hpp>
#include <varscope/foreign_hdf5.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace varscope::tools {

namespace {

constexpr std::uint64_t kMaxText = 1 << 20;
constexpr std::uint64_t kMaxRank = 32;
constexpr std::size_t kMaxTransfer = std::size_t{1} << 30;
constexpr rlim_t kLeastSeconds = 30;
constexpr std::uint64_t kBytesPerSecond = 4 << 20;  // a deflated file on a slow machine

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const noexcept { return number_; }
  void close() noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

class PipeWriter {
 public:
  explicit PipeWriter(int descriptor) : descriptor_(descriptor) {}

  void put(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t count = ::write(descriptor_, bytes, std::min(size, kMaxTransfer));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) ::_exit(1);  // the parent has gone
      bytes += count;
      size -= static_cast<std::size_t>(count);
    }
  }
  void put(char kind) { put(&kind, 1); }
  void put(std::uint64_t number) { put(&number, sizeof number); }
  void put(const std::string& text) {
    const std::uint64_t size = std::min<std::uint64_t>(text.size(), kMaxText);
    put(size);
    put(text.data(), static_cast<std::size_t>(size));
  }

 private:
  int descriptor_;
};

// The pipe ended before the child's last word.
struct PipeEnded {};

class PipeReader {
 public:
  explicit PipeReader(int descriptor) : descriptor_(descriptor) {}

  void get(void* data, std::size_t size) {
    auto* bytes = static_cast<char*>(data);
    while (size > 0) {
      const ssize_t count = ::read(descriptor_, bytes, std::min(size, kMaxTransfer));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw PipeEnded();
      bytes += count;
      size -= static_cast<std::size_t>(count);
    }
  }
  char kind() {
    char kind = 0;
    get(&kind, 1);
    return kind;
  }
  std::uint64_t number(std::uint64_t most) {
    std::uint64_t number = 0;
    get(&number, sizeof number);
    if (number > most) throw PipeEnded();
    return number;
  }
  std::string text() {
    std::string text(static_cast<std::size_t>(number(kMaxText)), '\0');
    get(text.data(), text.size());
    return text;
  }

 private:
  int descriptor_;
};

void set_limit(decltype(RLIMIT_CORE) kind, rlim_t value) {
  const rlimit limit{value, value};
  ::setrlimit(kind, &limit);  // where that fails, it goes without
}

void send_contents(const std::string& path, PipeWriter& pipe) {
  ForeignHdf5Contents contents = read_foreign_hdf5(path);
  for (auto& [name, array] : contents.variables) {
    pipe.put('V');
    pipe.put(name);
    pipe.put(static_cast<std::uint64_t>(array.dtype()));
    pipe.put(static_cast<std::uint64_t>(array.shape().rank()));
    for (const std::int64_t dimension : array.shape().dimensions())
      pipe.put(static_cast<std::uint64_t>(dimension));
    pipe.put(array.data(), array.num_bytes());
    array = Array();  // the parent has it now
  }
  for (const SkippedHdf5Object& object : contents.skipped) {
    pipe.put('S');
    pipe.put(object.path);
    pipe.put(object.reason);
  }
  pipe.put('D');
}

[[noreturn]] void run_child(const std::string& path, rlim_t seconds, int descriptor) {
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_CPU, seconds);
  // Back to what the system does: a handler of the parent's would run in this half of it.
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGPIPE})
    std::signal(signal, SIG_DFL);
  PipeWriter pipe(descriptor);
  try {
    send_contents(path, pipe);
  } catch (const Error& error) {
    pipe.put('E');
    pipe.put(static_cast<std::uint64_t>(error.code()));
    pipe.put(std::string(error.what()));
  } catch (const std::exception& error) {
    pipe.put('E');
    pipe.put(static_cast<std::uint64_t>(ErrorCode::resource_exhausted));
    pipe.put("cannot read '" + path + "': " + error.what());
  }
  ::_exit(0);
}

[[noreturn]] void throw_error(std::uint64_t code, const std::string& message) {
  switch (static_cast<ErrorCode>(code)) {
    case ErrorCode::not_found:
      throw NotFoundError(message);
    case ErrorCode::invalid_argument:
      throw InvalidArgumentError(message);
    case ErrorCode::failed_precondition:
      throw FailedPreconditionError(message);
    case ErrorCode::resource_exhausted:
      throw ResourceExhaustedError(message);
    case ErrorCode::value:
      throw ValueError(message);
    default:
      throw DataLossError(message);
  }
}

Array receive_array(PipeReader& pipe) {
  const auto dtype = static_cast<DType>(pipe.number(static_cast<std::uint64_t>(DType::boolean)));
  std::vector<std::int64_t> dimensions(static_cast<std::size_t>(pipe.number(kMaxRank)));
  for (std::int64_t& dimension : dimensions)
    dimension = static_cast<std::int64_t>(pipe.number(static_cast<std::uint64_t>(INT64_MAX)));
  Array array(Shape(std::move(dimensions)), dtype);
  pipe.get(array.data(), array.num_bytes());
  if (dtype == DType::boolean) {
    const auto* bytes = static_cast<const unsigned char*>(array.data());
    if (std::any_of(bytes, bytes + array.num_bytes(), [](unsigned char byte) { return byte > 1; }))
      throw PipeEnded();
  }
  return array;
}

/// Throws PipeEnded if the child died, or said something that it never says.
FileContents receive_contents(PipeReader& pipe, const ReportBytes& report) {
  FileContents contents;
  for (;;) {
    switch (pipe.kind()) {
      case 'V': {
        std::string name = pipe.text();
        contents.variables.emplace_back(std::move(name), receive_array(pipe));
        report(contents.variables.back().second.num_bytes());
        break;
      }
      case 'S': {
        std::string name = pipe.text();
        contents.skipped.push_back({std::move(name), pipe.text()});
        break;
      }
      case 'E': {
        const std::uint64_t code = pipe.number(static_cast<std::uint64_t>(ErrorCode::runtime));
        throw_error(code, pipe.text());
      }
      case 'D':
        return contents;
      default:
        throw PipeEnded();
    }
  }
}

// Ends the child, however this function is left.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  ~Child() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() noexcept {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    id_ = -1;
    return status;
  }

 private:
  pid_t id_;
};

}  // namespace

FileContents read_foreign_hdf5_apart(const std::string& path, const ReportBytes& report) {
  std::error_code ignored;
  const std::uintmax_t bytes = std::filesystem::file_size(path, ignored);
  const rlim_t seconds = kLeastSeconds + (ignored ? 0 : static_cast<rlim_t>(bytes / kBytesPerSecond));
  int ends[2] = {-1, -1};
  if (::pipe(ends) < 0) throw RuntimeError("cannot make a pipe: " + std::generic_category().message(errno));
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  const pid_t id = ::fork();
  if (id < 0) throw RuntimeError("cannot start a process: " + std::generic_category().message(errno));
  if (id == 0) {
    read_end.close();
    run_child(path, seconds, write_end.number());
  }
  write_end.close();
  Child child(id);
  PipeReader pipe(read_end.number());
  try {
    return receive_contents(pipe, report);
  } catch (const PipeEnded&) {
    read_end.close();
    const int status = child.wait();
    std::string what = "ended without a result";
    if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      what = signal == SIGXCPU || signal == SIGKILL
                 ? "had found no end after " + std::to_string(seconds) + " s, or was killed"
                 : "crashed (signal " + std::to_string(signal) + ", " + ::strsignal(signal) + ")";
    }
    throw DataLossError("cannot read '" + path + "': libhdf5 " + what +
                        " over it; the file is damaged or hostile");
  }
}

}  // namespace varscope::tools
