// SPDX-License-Identifier: Apache-2.0
// The table of kernel sets and the questions about it. Compiled without instruction-set flags.
#include "kernels_reference.hpp"

#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

// Each is defined by kernels_isa.cpp, compiled for that instruction set.
#define VARSCOPE_SIMD_ISA(isa, runs) \
  namespace isa {                    \
  extern const KernelSet kernels;    \
  }
#include "isa_list.inc"

namespace {

constexpr const KernelSet* kBuiltSets[] = {
#define VARSCOPE_SIMD_ISA(isa, runs) &isa::kernels,
#include "isa_list.inc"
    &reference_kernels,
};

}  // namespace

std::span<const KernelSet* const> built_kernel_sets() noexcept {
  return kBuiltSets;
}

bool supported(const KernelSet& kernels) noexcept {
#define VARSCOPE_SIMD_ISA(isa, runs) \
  if (&kernels == &isa::kernels) return runs;
#include "isa_list.inc"
  return &kernels == &reference_kernels;
}

const KernelSet* find_kernel_set(std::string_view name) noexcept {
  for (const KernelSet* kernels : kBuiltSets) {
    if (name == kernels->name) return kernels;
  }
  return nullptr;
}

const KernelSet& best_kernel_set() noexcept {
  for (const KernelSet* kernels : kBuiltSets) {
    if (supported(*kernels)) return *kernels;
  }
  return reference_kernels;
}

}  // namespace varscope::simd
