// SPDX-License-Identifier: Apache-2.0
#include <varscope/simd/cpu.hpp>

#include <cstdio>
#include <unistd.h>

namespace varscope::simd {

namespace {

#if defined(_SC_LEVEL1_DCACHE_SIZE)
// sysconf answers 0 or -1 where it does not know (many virtual machines, aarch64 before glibc 2.37).
void read_size(int name, std::int64_t* size) noexcept {
  const std::int64_t reported = sysconf(name);
  if (reported > 0) *size = reported;
}
#endif

// sysconf gives the third-level caches of a whole AMD processor, of which one core sees a small part; Linux's
// files have that part. Kept as it is where there is no such file.
void read_level3_size(std::int64_t* size) noexcept {
  std::FILE* const file = std::fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r");
  if (file == nullptr) return;
  long kibibytes = 0;
  char unit = 0;
  if (std::fscanf(file, "%ld%c", &kibibytes, &unit) == 2 && unit == 'K' && kibibytes > 0) {
    *size = std::int64_t{kibibytes} * 1024;
  }
  std::fclose(file);
}

}  // namespace

CacheSizes cache_sizes() noexcept {
  CacheSizes sizes;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  read_size(_SC_LEVEL1_DCACHE_SIZE, &sizes.level1_data);
  read_size(_SC_LEVEL2_CACHE_SIZE, &sizes.level2);
  read_size(_SC_LEVEL3_CACHE_SIZE, &sizes.level3);
#endif
  read_level3_size(&sizes.level3);
  return sizes;
}

}  // namespace varscope::simd
