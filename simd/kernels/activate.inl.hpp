// SPDX-License-Identifier: Apache-2.0
// Activations that are more than a comparison. They are applied to outputs that a tile has just stored, while
// those are in a cache: in registers they would take the place of sums, and each kernel would have its own.
#pragma once

#include "elementwise.inl.hpp"

#include <varscope/simd/activation.hpp>

namespace varscope::simd {
namespace {

// A rectangle of outputs: `panels` times `pixels` runs of so many channels. Steps are in floats.
struct StoredOutputs {
  float* first;
  std::int64_t panels = 1;
  std::int64_t panel_step = 0;
  std::int64_t pixels;
  std::int64_t pixel_step;
  std::int64_t channels;
};

// Out of line: it is not to take registers from the kernels.
template <typename Arch>
__attribute__((noinline)) void apply_activation(Activation activation,
                                                const StoredOutputs& outputs) noexcept {
  const auto function = activation == Activation::sigmoid ? &for_each_element<Arch, Sigmoid<Arch>>
                                                          : &for_each_element<Arch, Tanh<Arch>>;
  for (std::int64_t panel = 0; panel < outputs.panels; ++panel) {
    float* pixel = outputs.first + panel * outputs.panel_step;
    for (std::int64_t i = 0; i < outputs.pixels; ++i, pixel += outputs.pixel_step)
      function(pixel, pixel, outputs.channels);
  }
}

// Whether the kernels leave the activation to activate().
VARSCOPE_SIMD_INLINE bool follows_stores(Activation activation) noexcept {
  return activation != Activation::none && activation != Activation::relu;
}

// What the kernels left to do, if anything.
template <typename Arch>
VARSCOPE_SIMD_INLINE void activate(Activation activation, const StoredOutputs& outputs) noexcept {
  if (follows_stores(activation)) apply_activation<Arch>(activation, outputs);
}

}  // namespace
}  // namespace varscope::simd
