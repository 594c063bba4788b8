// SPDX-License-Identifier: Apache-2.0
// Chooses algorithm and blocking of a convolution.
#include "kernels_reference.hpp"

#include <varscope/simd/conv2d.hpp>

namespace varscope::simd {

namespace {

struct NamedAlgorithm {
  Conv2DAlgorithm algorithm;
  const char* name;
};

constexpr NamedAlgorithm kAlgorithms[] = {
    {Conv2DAlgorithm::automatic, "automatic"}, {Conv2DAlgorithm::direct, "direct"},
    {Conv2DAlgorithm::pointwise, "pointwise"}, {Conv2DAlgorithm::depthwise, "depthwise"},
    {Conv2DAlgorithm::reference, "reference"},
};

}  // namespace

const char* conv2d_algorithm_name(Conv2DAlgorithm algorithm) noexcept {
  for (const NamedAlgorithm& row : kAlgorithms) {
    if (row.algorithm == algorithm) return row.name;
  }
  return "unknown";
}

bool find_conv2d_algorithm(std::string_view name, Conv2DAlgorithm* algorithm) noexcept {
  for (const NamedAlgorithm& row : kAlgorithms) {
    if (name == row.name) {
      *algorithm = row.algorithm;
      return true;
    }
  }
  return false;
}

Conv2DPlan plan_conv2d(const KernelSet& kernels, const Conv2DShape& shape, Conv2DAlgorithm wanted,
                       const CacheSizes& caches) noexcept {
  Conv2DPlan plan;
  plan.shape = shape;
  (void)kernels;
  (void)caches;
  (void)wanted;
  plan_reference_conv2d(&plan);
  return plan;
}

}  // namespace varscope::simd
