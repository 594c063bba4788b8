// SPDX-License-Identifier: Apache-2.0
// Chooses the blocking of a matrix product.
#include "kernels_reference.hpp"

#include <varscope/simd/matmul.hpp>

namespace varscope::simd {

MatMulPlan plan_matmul(const KernelSet& kernels, const MatMulShape& shape,
                       const CacheSizes& caches) noexcept {
  MatMulPlan plan;
  plan.shape = shape;
  (void)kernels;
  (void)caches;
  plan_reference_matmul(&plan);
  return plan;
}

}  // namespace varscope::simd
