// SPDX-License-Identifier: Apache-2.0
#include <varscope/simd/cpu.hpp>

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

}  // namespace

CacheSizes cache_sizes() noexcept {
  CacheSizes sizes;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  read_size(_SC_LEVEL1_DCACHE_SIZE, &sizes.level1_data);
  read_size(_SC_LEVEL2_CACHE_SIZE, &sizes.level2);
  read_size(_SC_LEVEL3_CACHE_SIZE, &sizes.level3);
#endif
  return sizes;
}

}  // namespace varscope::simd
