// SPDX-License-Identifier: Apache-2.0
// The same program in a second process, and digests to compare what both computed.
#pragma once

#include <varscope/varscope.hpp>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace example {

/// FNV-1a (Fowler, Noll, Vo) over all bytes: equal for equal bits.
inline std::string digest(const std::vector<varscope::Array>& arrays) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const varscope::Array& array : arrays) {
    const auto* bytes = static_cast<const unsigned char*>(array.data());
    for (std::size_t at = 0; at < array.num_bytes(); ++at) hash = (hash ^ bytes[at]) * 0x100000001B3U;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, hash);
  return text;
}

/// Starts this program again with these words, the first being its name, and waits for it; gives its exit
/// status. Throws std::runtime_error if it cannot be started.
inline int run_in_second_process(std::vector<std::string> words) {
  std::fflush(stdout);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ);
  if (error != 0)
    throw std::runtime_error(std::string("cannot start a second process: ") + std::strerror(error));
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace example
