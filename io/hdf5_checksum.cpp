// SPDX-License-Identifier: Apache-2.0
#include "hdf5_checksum.hpp"

#include <bit>
#include <cstring>

namespace varscope::io {

namespace {

/// Twelve bytes are taken in at a time, as three little-endian words.
constexpr std::size_t kBlockBytes = 12;

struct State {
  std::uint32_t a, b, c;

  void add(const std::byte* block) noexcept {
    static_assert(std::endian::native == std::endian::little);
    std::uint32_t words[3];
    std::memcpy(words, block, kBlockBytes);
    a += words[0];
    b += words[1];
    c += words[2];
  }

  void mix() noexcept {
    a = (a - c) ^ std::rotl(c, 4), c += b;
    b = (b - a) ^ std::rotl(a, 6), a += c;
    c = (c - b) ^ std::rotl(b, 8), b += a;
    a = (a - c) ^ std::rotl(c, 16), c += b;
    b = (b - a) ^ std::rotl(a, 19), a += c;
    c = (c - b) ^ std::rotl(b, 4), b += a;
  }

  void finish() noexcept {
    c = (c ^ b) - std::rotl(b, 14);
    a = (a ^ c) - std::rotl(c, 11);
    b = (b ^ a) - std::rotl(a, 25);
    c = (c ^ b) - std::rotl(b, 16);
    a = (a ^ c) - std::rotl(c, 4);
    b = (b ^ a) - std::rotl(a, 14);
    c = (c ^ b) - std::rotl(b, 24);
  }
};

}  // namespace

std::uint32_t hdf5_checksum(std::span<const std::byte> bytes) noexcept {
  const std::uint32_t start = 0xDEADBEEF + static_cast<std::uint32_t>(bytes.size());
  State state{start, start, start};
  while (bytes.size() > kBlockBytes) {
    state.add(bytes.data());
    state.mix();
    bytes = bytes.subspan(kBlockBytes);
  }
  if (!bytes.empty()) {
    std::byte last[kBlockBytes] = {};  // what is missing counts as 0
    std::memcpy(last, bytes.data(), bytes.size());
    state.add(last);
    state.finish();
  }
  return state.c;
}

}  // namespace varscope::io
