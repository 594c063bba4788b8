// SPDX-License-Identifier: Apache-2.0
// Takes the place of onednn_convolution.cpp in a build without oneDNN.
#include "onednn_convolution.hpp"

#include <varscope/error.hpp>

namespace varscope::tools {

namespace {

[[noreturn]] void throw_absent() {
  throw FailedPreconditionError(
      "this build has no oneDNN: install libdnnl-dev and configure again with -Donednn=enabled");
}

}  // namespace

struct OneDnnConvolution::Primitive {};

bool onednn_available() noexcept {
  return false;
}
std::string onednn_version() {
  return {};
}
void limit_onednn_instruction_set(std::string_view) {
  throw_absent();
}
OneDnnConvolution::OneDnnConvolution(const ConvProblem&, Layout, int) {
  throw_absent();
}
OneDnnConvolution::~OneDnnConvolution() = default;
void OneDnnConvolution::run() {
  throw_absent();
}
Array OneDnnConvolution::output() const {
  throw_absent();
}
std::string OneDnnConvolution::implementation() const {
  throw_absent();
}

}  // namespace varscope::tools
