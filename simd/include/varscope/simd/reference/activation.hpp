// SPDX-License-Identifier: Apache-2.0
// Plain activations of the sums of convolutions and matrix products.
#pragma once

#include <varscope/simd/activation.hpp>
#include <varscope/simd/reference/arithmetic.hpp>
#include <varscope/simd/reference/elementwise.hpp>

#include <concepts>

namespace varscope::simd::reference {

// Requires: of integers, none or relu.
template <typename T>
T activated(Activation activation, T x) noexcept {
  if (activation == Activation::relu) return relu_of(x);
  if constexpr (std::floating_point<T>) {
    if (activation == Activation::sigmoid) return Sigmoid::apply(x);
    if (activation == Activation::tanh) return Tanh::apply(x);
  }
  return x;
}

}  // namespace varscope::simd::reference
