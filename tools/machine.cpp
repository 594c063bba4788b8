// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <algorithm>
#include <fstream>
#include <sched.h>
#include <thread>

namespace varscope::tools {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (line.rfind("model name", 0) != 0 || colon == std::string::npos) continue;
    const auto name = line.find_first_not_of(' ', colon + 1);
    if (name != std::string::npos) return line.substr(name);
  }
  return "unknown processor";
}

int usable_processors() noexcept {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (sched_getaffinity(0, sizeof processors, &processors) == 0) return std::max(CPU_COUNT(&processors), 1);
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
}

CacheBytes cache_bytes() {
  CacheBytes caches;
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    std::string type;
    int level = 0;
    long kibibytes = 0;  // the file says "1024K"
    if (!(std::ifstream(folder + "type") >> type) || !(std::ifstream(folder + "level") >> level) ||
        !(std::ifstream(folder + "size") >> kibibytes) || type == "Instruction")
      continue;
    if (level == 1) caches.level1_data = kibibytes * 1024;
    if (level == 2) caches.level2 = kibibytes * 1024;
    if (level == 3) caches.level3 = kibibytes * 1024;
  }
  return caches;
}

}  // namespace varscope::tools
