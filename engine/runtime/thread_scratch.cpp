// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_scratch.hpp"

#include <varscope/array.hpp>

#include <new>

namespace varscope::detail {

namespace {

constexpr std::align_val_t scratch_alignment{Array::alignment};

class Scratch {
 public:
  ~Scratch() { release(); }

  void* at_least(std::size_t bytes) noexcept {
    if (bytes > bytes_) {
      release();
      memory_ = ::operator new(bytes, scratch_alignment, std::nothrow);
      bytes_ = memory_ == nullptr ? 0 : bytes;
    }
    return memory_;
  }

 private:
  void release() noexcept {
    ::operator delete(memory_, scratch_alignment);
    memory_ = nullptr;
    bytes_ = 0;
  }

  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace

void* thread_scratch(std::size_t bytes) noexcept {
  thread_local Scratch scratch;
  return scratch.at_least(bytes);
}

}  // namespace varscope::detail
