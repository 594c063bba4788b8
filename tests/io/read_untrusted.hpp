// SPDX-License-Identifier: Apache-2.0
// What the fuzzer and the replay of its corpus do with one input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace varscope::testing {

/// Of a file whose superblock says that it has more bytes than there are, up to so many, the rest is zero: so
/// that few bytes make a file with data of several blocks.
inline constexpr std::uint64_t kMostBytes = std::uint64_t{5} << 19;

/// The size of the file that these bytes stand for.
std::uint64_t untrusted_file_size(std::span<const std::byte> input) noexcept;

/// Reads all of it, and expects values or typed errors: aborts if anything comes out that the bytes cannot
/// hold. Returns whether the file was right, all of it. Before it reads compressed data, which may be 1032
/// times as large as in the file, it calls `on_compressed` with how many bytes that will become; data of more
/// than kMostBytes is left. Thread-safe.
bool read_untrusted(std::span<const std::byte> input,
                    const std::function<void(std::uint64_t bytes)>& on_compressed = {});

}  // namespace varscope::testing
