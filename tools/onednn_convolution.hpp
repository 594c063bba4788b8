// SPDX-License-Identifier: Apache-2.0
// OneDnnConvolution: the same layer computed by oneDNN, the peer that benchmarks measure beside varscope.
#pragma once

#include "conv_problem.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace varscope::tools {

/// Whether this build has oneDNN (Meson option `onednn`).
bool onednn_available() noexcept;

/// "oneDNN 2.6.3"; "" if this build has none.
std::string onednn_version();

/// Holds oneDNN to the instruction set of varscope ("avx512", "avx2", "sse4_2"; any other leaves it free).
/// Throws FailedPreconditionError if this build has no oneDNN or it has computed something already.
void limit_onednn_instruction_set(std::string_view name);

/// relu(conv + bias) in one primitive, weights in the layout that oneDNN likes best. Not for use by several
/// threads at once. All members throw RuntimeError with oneDNN's message if oneDNN fails.
class OneDnnConvolution {
 public:
  /// nhwc: images as varscope has them. any: in oneDNN's own layout; the conversion is not part of run().
  enum class Layout { nhwc, any };

  /// `threads` holds for the whole process: oneDNN has no setting of its own, its OpenMP has.
  OneDnnConvolution(const ConvProblem& problem, Layout layout, int threads);
  ~OneDnnConvolution();
  OneDnnConvolution(const OneDnnConvolution&) = delete;
  OneDnnConvolution& operator=(const OneDnnConvolution&) = delete;

  void run();

  /// What the last run() computed, as NHWC.
  Array output() const;

  /// oneDNN's name of what it chose: "jit:avx512_core".
  std::string implementation() const;

 private:
  struct Primitive;
  std::unique_ptr<Primitive> primitive_;
};

}  // namespace varscope::tools
