// SPDX-License-Identifier: Apache-2.0
// What a convolution or a matrix product does to a sum before it stores it.
#pragma once

namespace varscope::simd {

enum class Activation : unsigned char {
  none,
  relu,     // x < 0 ? 0 : x, so NaN stays NaN
  sigmoid,  // these two are the functions of elementwise.hpp, to the bit
  tanh,
};

}  // namespace varscope::simd
