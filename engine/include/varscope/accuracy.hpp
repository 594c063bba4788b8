// SPDX-License-Identifier: Apache-2.0
// Accuracy: how much rounding a float32 result may have for the sake of speed.
#pragma once

namespace varscope {

/// docs/performance.md has each algorithm's error bound, and what was measured.
enum class Accuracy {
  /// Whatever is fastest. Convolutions may use Winograd's algorithms, whose errors are a few 1e-5 of the
  /// output's root mean square where a plain sum has a few 1e-6, and Strassen's, whose are two to three times
  /// those of a plain sum.
  fast,
  /// Only sums of the products themselves, as the definition of each op has them; no Winograd, no Strassen.
  strict,
};

}  // namespace varscope
