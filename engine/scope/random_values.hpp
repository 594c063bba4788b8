// SPDX-License-Identifier: Apache-2.0
// Random numbers by position: number i depends on the seeds and on i only, so that ranges can be filled at
// once and in any order, and the same seeds give the same bits on every machine.
//
// Counter words 2 and 3 are the second seed, the key is the first, as in TensorFlow. Words 0 and 1 say which
// block: i / n for the n numbers that one block makes.
#pragma once

#include <varscope/initializer.hpp>

#include <cstdint>

namespace varscope::detail {

/// The elements [begin, end) of an array that begins at `out`.
struct Elements {
  void* out;
  std::int64_t begin;
  std::int64_t end;
};

// Float is float or double, Integer std::int32_t or std::int64_t; no other exists. All are noexcept and
// thread-safe.

/// Uniform on [low, high): float32 has 23 random bits, float64 52.
template <typename Float>
void fill_uniform(Elements elements, SeedPair seeds, double low, double high) noexcept;

/// Uniform on the integers [low, high), with a bias below (high - low) / 2^64. Requires: low < high.
template <typename Integer>
void fill_uniform_integers(Elements elements, SeedPair seeds, std::int64_t low, std::int64_t high) noexcept;

/// mean + stddev * z with z standard normal, by the method of Box and Muller (1958) in double precision.
template <typename Float>
void fill_normal(Elements elements, SeedPair seeds, double mean, double stddev) noexcept;

/// The same with z drawn again, from a part of the counters that belongs to the element, while |z| >= 2.
template <typename Float>
void fill_truncated_normal(Elements elements, SeedPair seeds, double mean, double stddev) noexcept;

}  // namespace varscope::detail
