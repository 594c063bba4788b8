// SPDX-License-Identifier: Apache-2.0
// The strict reader under libFuzzer: whatever the bytes, it gives values or a typed error, without a crash, a
// hang or much memory.
//
//   scripts/fuzz --help
#include "io/checkpoint_mutator.hpp"
#include "io/read_untrusted.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sanitizer/allocator_interface.h>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

/// What one allocation may take while an input is read.
std::size_t largest_allocation = ~std::size_t{0};

/// Files that are right, all of them. Most of a corpus is refused early, and what is made of that is too; so
/// every eighth input is made of one of these.
std::vector<std::vector<std::uint8_t>> right_files;
constexpr std::size_t kMostRightFiles = 64;

}  // namespace

// What a report lacks, stacks of allocations, can be had by running the failing input again with other
// options. The quarantine holds what some hundred inputs free, and fits into the cache.
extern "C" const char* __asan_default_options() {
  return "malloc_context_size=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=256:"
         "max_malloc_fill_size=64:detect_stack_use_after_return=0";
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  if (!right_files.empty() && seed % 8 == 0) {
    const std::vector<std::uint8_t>& file = right_files[seed / 8 % right_files.size()];
    if (file.size() <= max_size) {
      size = file.size();
      std::memcpy(data, file.data(), size);
    }
  }
  return varscope::testing::mutate_checkpoint({reinterpret_cast<std::byte*>(data), max_size}, size, seed,
                                              LLVMFuzzerMutate);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int hooked = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, std::size_t bytes) {
        if (bytes > largest_allocation) std::abort();
      },
      [](const volatile void*) {});
  static_cast<void>(hooked);
  const std::span<const std::byte> input{reinterpret_cast<const std::byte*>(data), size};
  struct Limit {
    explicit Limit(std::size_t bytes) { largest_allocation = bytes; }
    ~Limit() { largest_allocation = ~std::size_t{0}; }
  };
  bool right = false;
  {
    // The constant: exceptions and their texts.
    const Limit limit(2 * varscope::testing::untrusted_file_size(input) + 4096);
    right = varscope::testing::read_untrusted(input, [](std::uint64_t decompressed) {
      constexpr std::size_t kStateOfInflate = std::size_t{64} << 10;
      largest_allocation = std::max(largest_allocation, decompressed + kStateOfInflate);
    });
  }
  if (right && right_files.size() < kMostRightFiles && varscope::testing::untrusted_file_size(input) == size)
    right_files.emplace_back(data, data + size);
  return 0;
}
