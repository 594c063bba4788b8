// SPDX-License-Identifier: Apache-2.0
// The kernel set that plans are made with.
#pragma once

#include <varscope/instruction_set.hpp>
#include <varscope/simd/cpu.hpp>
#include <varscope/simd/kernel_set.hpp>

namespace varscope::detail {

/// The set that varscope::instruction_set() names. Throws what that throws. Thread-safe.
const simd::KernelSet& kernel_set();

/// simd::cache_sizes(), asked once. Thread-safe.
const simd::CacheSizes& cache_sizes() noexcept;

}  // namespace varscope::detail
