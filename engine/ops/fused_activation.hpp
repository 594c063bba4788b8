// SPDX-License-Identifier: Apache-2.0
// Activations of fused operations, as simd/ calls them.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/simd/activation.hpp>

namespace varscope::detail {

inline simd::Activation simd_activation(const FusedEpilogue& epilogue) noexcept {
  switch (epilogue.activation) {
    case FusedActivation::none:
      return simd::Activation::none;
    case FusedActivation::relu:
      return simd::Activation::relu;
    case FusedActivation::sigmoid:
      return simd::Activation::sigmoid;
    case FusedActivation::tanh:
      return simd::Activation::tanh;
  }
  return simd::Activation::none;
}

}  // namespace varscope::detail
