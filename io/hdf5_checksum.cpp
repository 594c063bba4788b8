// SPDX-License-Identifier: Apache-2.0
#include "hdf5_checksum.hpp"

#include <bit>

namespace varscope::io {

namespace {

/// Twelve bytes are taken in at a time, as three little-endian words.
constexpr std::size_t kBlockBytes = 12;

struct State {
  std::uint32_t a, b, c;

  void add(std::span<const std::byte> bytes) noexcept {  // at most kBlockBytes, the missing ones count as 0
    std::uint32_t words[3] = {0, 0, 0};
    for (std::size_t k = 0; k < bytes.size(); ++k) {
      words[k / 4] |= std::to_integer<std::uint32_t>(bytes[k]) << (8 * (k % 4));
    }
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
    state.add(bytes.first(kBlockBytes));
    state.mix();
    bytes = bytes.subspan(kBlockBytes);
  }
  if (!bytes.empty()) {
    state.add(bytes);
    state.finish();
  }
  return state.c;
}

}  // namespace varscope::io
