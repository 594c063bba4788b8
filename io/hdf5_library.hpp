// SPDX-License-Identifier: Apache-2.0
// How varscope calls libhdf5: one caller at a time, without output, with every result checked.
//
// libhdf5 keeps its state for the whole process, and even its thread-safe build protects single calls only,
// not sequences of them. So whoever calls it holds an Hdf5Turn. Of its functions in several versions, the
// version is always named, since the default differs between installations.
//
// This header does without hdf5.h: an hid_t is an int64_t and an herr_t an int, as hdf5_library.cpp asserts.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace varscope::io {

/// While it lives, this thread is the only one of varscope in libhdf5, and libhdf5 prints no errors. What the
/// application had set for printing is restored at the end.
class Hdf5Turn {
 public:
  Hdf5Turn();
  ~Hdf5Turn();
  Hdf5Turn(const Hdf5Turn&) = delete;
  Hdf5Turn& operator=(const Hdf5Turn&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
  int (*print_)(std::int64_t, void*) = nullptr;
  void* print_data_ = nullptr;
};

/// While it lives, libhdf5 loads no filter plugins, which are code that the environment chooses. The state
/// before is restored at the end. Requires: an Hdf5Turn, from its making to its end.
class Hdf5PluginsOff {
 public:
  Hdf5PluginsOff();
  ~Hdf5PluginsOff();
  Hdf5PluginsOff(const Hdf5PluginsOff&) = delete;
  Hdf5PluginsOff& operator=(const Hdf5PluginsOff&) = delete;

 private:
  unsigned before_ = 0;
};

/// Throws RuntimeError with the call that failed and libhdf5's own account of it. Requires: an Hdf5Turn.
[[noreturn]] void throw_hdf5_error(const std::string& call);

/// Throws if `result` is one of libhdf5's failures, a negative number; else returns it.
template <typename Result>
Result check_hdf5(Result result, const char* call) {
  if (result < 0) throw_hdf5_error(call);
  return result;
}

/// Owns an identifier of libhdf5. Requires: an Hdf5Turn, from its making to its end.
class Hdf5Id {
 public:
  using Close = int (*)(std::int64_t);

  /// Throws if `id` is a failure of `call`.
  Hdf5Id(std::int64_t id, Close close, const char* call) : id_(check_hdf5(id, call)), close_(close) {}
  Hdf5Id(Hdf5Id&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Id& operator=(Hdf5Id&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Id() {
    if (id_ >= 0) close_(id_);
  }

  std::int64_t get() const noexcept { return id_; }

 private:
  std::int64_t id_;
  Close close_;
};

}  // namespace varscope::io
