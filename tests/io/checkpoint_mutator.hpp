// SPDX-License-Identifier: Apache-2.0
// Damages a checkpoint as somebody would who knows the format: changes fields, messages and bytes, and then
// makes the checksums right again, without which nothing behind them would be reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace varscope::testing {

/// Changes any of the first `size` bytes, and may add some, up to max_size; returns how many there are then.
using ByteMutation = std::size_t (*)(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// The next input in place of the first `size` bytes of `room`; returns its size. The same arguments give the
/// same input, if mutate_bytes does. Thread-safe, if that is.
std::size_t mutate_checkpoint(std::span<std::byte> room, std::size_t size, std::uint32_t seed,
                              ByteMutation mutate_bytes);

}  // namespace varscope::testing
