// SPDX-License-Identifier: Apache-2.0
// The passes over memory of batch normalization, forward and backward, for a block of a matrix: `rows` rows
// of `columns` columns, a row beginning `stride` elements behind the one before it. A column is a channel, or
// one of several that a channel's rows are dealt out to. Vectors that go with the block have `columns`
// elements.
//
// Nothing needs alignment, and zero rows or columns are fine. A result may lie exactly where an input of the
// block's shape lies, but must not overlap anything otherwise. What a column gives depends on its own values
// and the number of rows alone: blocks may be cut between any columns, and given to any threads. Thread-safe.
#pragma once

#include <cstdint>

namespace varscope::simd {

// Rows and columns of a block.
struct BatchNormBlock {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;
};

// Of each column of x, with n rows (at least one): the mean, less the column's first element, and the sum of
// the squares of the distances to the mean. Neither suffers where the mean is large beside the distances:
// relative to the sum of squares both err by some roundings, whatever is added to all of the column.
template <typename T>
using BatchNormStatisticsFunction = void (*)(const BatchNormBlock& block, const T* x, T* mean_offsets,
                                             T* squares) noexcept;

// y = (x - mean) factor + offset; the two operations behind the product may be rounded together.
template <typename T>
using BatchNormNormalizeFunction = void (*)(const BatchNormBlock& block, const T* x, const T* mean,
                                            const T* factor, const T* offset, T* y) noexcept;

// Of each column: the sums of g and of g (x - mean).
template <typename T>
using BatchNormGradientSumsFunction = void (*)(const BatchNormBlock& block, const T* g, const T* x,
                                               const T* mean, T* sums, T* products) noexcept;

// The numbers of each column that a gradient is made of.
template <typename T>
struct BatchNormGradientNumbers {
  const T* mean = nullptr;
  const T* of_g = nullptr;
  const T* of_x = nullptr;
  const T* constant = nullptr;
};

// dx = g of_g + ((x - mean) of_x + constant)
template <typename T>
using BatchNormGradientFunction = void (*)(const BatchNormBlock& block, const T* g, const T* x,
                                           const BatchNormGradientNumbers<T>& numbers, T* dx) noexcept;

template <typename T>
struct BatchNormFunctions {
  BatchNormStatisticsFunction<T> statistics = nullptr;
  BatchNormNormalizeFunction<T> normalize = nullptr;
  BatchNormGradientSumsFunction<T> gradient_sums = nullptr;
  BatchNormGradientFunction<T> gradient = nullptr;
};

using BatchNormKernels = BatchNormFunctions<float>;

}  // namespace varscope::simd
