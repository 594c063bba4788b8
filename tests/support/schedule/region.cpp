// SPDX-License-Identifier: Apache-2.0
#include "support/schedule/region.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace varscope::testing::schedule {

namespace {

constexpr std::size_t kRegionBytes = std::size_t{8} << 20U;
constexpr std::size_t kAlignment = 16;

alignas(64) std::byte region[kRegionBytes];
std::size_t used = 0;
std::size_t num_objects = 0;
// Of the thread that runs schedules; others allocate as ever.
thread_local bool inside = false;

bool lies_within(const void* pointer) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const auto begin = reinterpret_cast<std::uintptr_t>(region);
  return address >= begin && address < begin + kRegionBytes;
}

void* take(std::size_t bytes, std::size_t alignment) {
  const std::size_t begin = (used + alignment - 1) / alignment * alignment;
  if (bytes > kRegionBytes - begin) throw std::bad_alloc();
  used = begin + bytes;
  return region + begin;
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (inside) {
    ++num_objects;
    return take(bytes, alignment);
  }
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = alignment <= kAlignment ? std::malloc(bytes) : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void free_memory(void* memory) noexcept {
  if (lies_within(memory)) {
    --num_objects;
  } else {
    std::free(memory);
  }
}

}  // namespace

void begin_region() {
  used = 0;
  num_objects = 0;
  inside = true;
}

void end_region() noexcept {
  inside = false;
}

std::size_t num_region_objects() noexcept {
  return num_objects;
}

void* allocate_uncounted(std::size_t bytes) {
  return take(bytes, kAlignment);
}

OutsideRegion::OutsideRegion() noexcept : was_inside_(inside) {
  inside = false;
}

OutsideRegion::~OutsideRegion() {
  inside = was_inside_;
}

}  // namespace varscope::testing::schedule

namespace schedule = varscope::testing::schedule;

void* operator new(std::size_t bytes) {
  return schedule::allocate(bytes, schedule::kAlignment);
}
void* operator new[](std::size_t bytes) {
  return schedule::allocate(bytes, schedule::kAlignment);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return schedule::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  try {
    return schedule::allocate(bytes, static_cast<std::size_t>(alignment));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  schedule::free_memory(memory);
}
void operator delete[](void* memory) noexcept {
  schedule::free_memory(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  schedule::free_memory(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  schedule::free_memory(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  schedule::free_memory(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  schedule::free_memory(memory);
}
