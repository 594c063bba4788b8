// SPDX-License-Identifier: Apache-2.0
// Compares what gradients() builds with central differences in double precision.
#pragma once

#include "support/evaluate.hpp"

#include <varscope/array.hpp>

#include <vector>

namespace varscope::testing {

struct GradientCheckOptions {
  /// Of the central differences; the function must be smooth that far around every input.
  double step = 1e-5;
  /// Of float64: relative to the largest of 1, the gradient and the sum of what was summed.
  double tolerance = 1e-7;
  /// Of float32, against float64: relative to the largest gradient of the same input, and 1.
  double float32_tolerance = 1e-4;
  /// Whether the operation knows float32 too.
  bool float32 = true;
};

/// f is what `build` makes of the inputs, in their dtype, with one output; L is the sum of its elements, each
/// times a random weight. Fails unless the gradients of L that gradients() builds are those of central
/// differences for every element of every input: in float64, with shapes that are known while the graph is
/// built, known but for the first dimension, and unknown; and in float32 on every instruction set and with
/// several numbers of threads. An input without a gradient counts as zeros. Inputs are of float64 and are
/// rounded to float32 first.
void check_gradients(const std::vector<Array>& inputs, const Build& build, GradientCheckOptions options = {});

/// Those gradients in the dtype of the inputs, for given weights (of float64, of the shape of f).
std::vector<Array> weighted_gradients(const std::vector<Array>& inputs, const Build& build,
                                      const Array& weights);

}  // namespace varscope::testing
