// SPDX-License-Identifier: Apache-2.0
#include "core/instruction_set.hpp"

#include <varscope/error.hpp>

#include <atomic>
#include <cstdlib>

namespace varscope {

namespace {

// The chosen set, or null before the first choice. Kernel sets are constants of the program, so the pointer
// is all there is to publish: relaxed order is enough everywhere.
constinit std::atomic<const simd::KernelSet*> chosen_set{nullptr};

const simd::KernelSet& find_set(std::string_view name, const char* origin) {
  const simd::KernelSet* found = simd::find_kernel_set(name);
  if (found != nullptr && simd::supported(*found)) return *found;
  std::string list;
  for (const std::string& available : available_instruction_sets()) {
    list += (list.empty() ? "" : ", ") + available;
  }
  throw ValueError(std::string(origin) + " names the instruction set '" + std::string(name) + "', which " +
                   (found == nullptr ? "is not built into this library" : "this machine cannot run") +
                   "; use one of: " + list);
}

const simd::KernelSet& first_choice() {
  const char* forced = std::getenv("VARSCOPE_ISA");
  return forced != nullptr && *forced != '\0' ? find_set(forced, "the environment variable VARSCOPE_ISA")
                                              : simd::best_kernel_set();
}

}  // namespace

std::string_view instruction_set() {
  return detail::kernel_set().name;
}

void set_instruction_set(std::string_view name) {
  chosen_set.store(&find_set(name, "set_instruction_set()"), std::memory_order_relaxed);
}

std::vector<std::string> available_instruction_sets() {
  std::vector<std::string> names;
  for (const simd::KernelSet* kernels : simd::built_kernel_sets()) {
    if (simd::supported(*kernels)) names.emplace_back(kernels->name);
  }
  return names;
}

double run_multiply_adds(long turns) {
  const simd::PeakKernels& peak = detail::kernel_set().peak;
  if (peak.multiply_adds == nullptr) return 0;
  float result = 1.0f;
  peak.multiply_adds(turns, &result);
  return static_cast<double>(turns) * static_cast<double>(peak.operations_per_turn);
}

namespace detail {

const simd::KernelSet& kernel_set() {
  const simd::KernelSet* chosen = chosen_set.load(std::memory_order_relaxed);
  if (chosen != nullptr) return *chosen;
  const simd::KernelSet& first = first_choice();
  // Of threads that get here at once one wins, and a set_instruction_set() in between is not undone.
  return chosen_set.compare_exchange_strong(chosen, &first, std::memory_order_relaxed) ? first : *chosen;
}

const simd::CacheSizes& cache_sizes() noexcept {
  static const simd::CacheSizes sizes = simd::cache_sizes();
  return sizes;
}

}  // namespace detail

}  // namespace varscope
