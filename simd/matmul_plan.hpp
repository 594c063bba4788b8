// SPDX-License-Identifier: Apache-2.0
// The blocking of matrix products, shared by matmul and pointwise convolution.
#pragma once

#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

struct ProductSize {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  std::int64_t a_row_step;    // floats from one row of A to the next
  std::int64_t a_depth_step;  // and from one column to the next
};

MatMulBlocking plan_product(const KernelSet& kernels, const ProductSize& size,
                            const CacheSizes& caches) noexcept;

// Where the depth by columns matrix B lies, in floats.
struct MatrixSteps {
  std::int64_t depth_step;
  std::int64_t column_step;
};

// Block `block` of B into its place: [block][depth][column of the block], the columns of the last block
// filled up with zeros to whole registers.
void pack_product_block(const MatMulBlocking& blocking, std::int64_t depth, std::int64_t columns,
                        const MatrixSteps& steps, const float* b, float* packed_b,
                        std::int64_t block) noexcept;

}  // namespace varscope::simd
