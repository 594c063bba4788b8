// SPDX-License-Identifier: Apache-2.0
// Floats that lie against memory which nobody may touch: an access one float outside of them is a fault in
// any build, also one made by an instruction that a sanitizer did not instrument.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

namespace varscope::simd::testing {

// No region can have guards directly at both ends, because only whole pages are guarded. So each case is run
// in both placements, one after the other.
enum class Placement : unsigned char { before_guard, behind_guard };

inline const char* placement_name(Placement placement) noexcept {
  return placement == Placement::before_guard ? "before a guard" : "behind a guard";
}

// One array at a time between two guards. Keeps its memory, so that a new array costs no system call.
class GuardedRegion {
 public:
  explicit GuardedRegion(const char* name) noexcept : name_(name) {}
  GuardedRegion(const GuardedRegion&) = delete;
  GuardedRegion& operator=(const GuardedRegion&) = delete;
  ~GuardedRegion() { unmap(); }

  const char* name() const noexcept { return name_; }

  // `count` writable floats, all NaN; ends the array before it. Of no floats, the address is still right
  // beside the guard.
  float* place(std::int64_t count, Placement placement) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
    if (memory_ == nullptr || bytes > capacity_) map(std::max(bytes, 2 * capacity_));
    unseal();
    char* const start = placement == Placement::behind_guard ? memory_ : memory_ + capacity_ - bytes;
    float* const floats = reinterpret_cast<float*>(start);
    placed_ = start;
    placed_bytes_ = bytes;
    std::fill_n(floats, count, std::numeric_limits<float>::quiet_NaN());
    return floats;
  }

  // From now to the next place() a write is a fault.
  void seal() {
    if (placed_bytes_ == 0) return;
    // The pages of the array alone: the cost is by the page.
    const std::size_t first = static_cast<std::size_t>(placed_ - memory_) / page_ * page_;
    const std::size_t last = static_cast<std::size_t>(placed_ - memory_) + placed_bytes_;
    sealed_ = memory_ + first;
    sealed_bytes_ = (last - first + page_ - 1) / page_ * page_;
    protect(sealed_, sealed_bytes_, PROT_READ);
  }

  // What an address is to this region, for a signal handler: null when it has nothing to do with it.
  const char* relation_to(const void* address) const noexcept {
    const auto place = reinterpret_cast<std::uintptr_t>(address);
    const auto start = reinterpret_cast<std::uintptr_t>(memory_);
    if (memory_ == nullptr || place < start - kGuardBytes || place >= start + capacity_ + kGuardBytes)
      return nullptr;
    if (place < start) return "before the start of";
    return place < start + capacity_ ? "a write into" : "behind the end of";
  }

 private:
  // So large that an address wrong by some rows of an image still hits it; it costs no memory.
  static constexpr std::size_t kGuardBytes = std::size_t{1} << 22;

  static void check(bool success, const char* call) {
    if (success) return;
    std::perror(call);
    std::exit(2);
  }

  static void protect(char* start, std::size_t bytes, int access) {
    check(mprotect(start, bytes, access) == 0, "mprotect");
  }

  void unseal() {
    if (sealed_bytes_ != 0) protect(sealed_, sealed_bytes_, PROT_READ | PROT_WRITE);
    sealed_bytes_ = 0;
  }

  void map(std::size_t bytes) {
    unmap();
    capacity_ = (bytes / page_ + 1) * page_;
    void* const whole = mmap(nullptr, capacity_ + 2 * kGuardBytes, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(whole != MAP_FAILED, "mmap");
    memory_ = static_cast<char*>(whole) + kGuardBytes;
    protect(memory_, capacity_, PROT_READ | PROT_WRITE);
  }

  void unmap() noexcept {
    if (memory_ != nullptr) munmap(memory_ - kGuardBytes, capacity_ + 2 * kGuardBytes);
    memory_ = nullptr;
    sealed_bytes_ = 0;
  }

  const char* name_;
  const std::size_t page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char* memory_ = nullptr;
  std::size_t capacity_ = 0;
  char* placed_ = nullptr;  // the array
  std::size_t placed_bytes_ = 0;
  char* sealed_ = nullptr;  // the pages that may not be written
  std::size_t sealed_bytes_ = 0;
};

}  // namespace varscope::simd::testing
