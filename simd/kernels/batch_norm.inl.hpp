// SPDX-License-Identifier: Apache-2.0
// Batch normalization; the formulas are in varscope/simd/batch_norm.hpp.
//
// A few registers of columns go down the rows side by side, so that memory is read in long runs. Statistics
// are taken of a short run of rows at a time, in two passes, the second one from the cache; runs are merged
// by the rule of T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
// computing sample variances", Stanford STAN-CS-79-773, 1979. All of it is done with distances to the
// column's first element, so that a large mean takes no digits from them.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/batch_norm.hpp>

namespace varscope::simd {
namespace {

constexpr std::int64_t kBatchNormRun = 32;  // rows
constexpr int kBatchNormRegisters = 4;      // side by side
constexpr int kBatchNormPartial = 0;        // as a number of registers: a part of one

/// `kCount` registers side by side, or a part of one. Lanes that are no column are zero.
template <typename Arch, int kCount>
struct BatchNormColumns {
  static constexpr int kRegisters = kCount == kBatchNormPartial ? 1 : kCount;
  std::int64_t columns;

  VARSCOPE_SIMD_INLINE Floats<Arch> load_at(const float* src, int i) const noexcept {
    if (kCount == kBatchNormPartial) return load_partial<Arch>(src, columns, 0.0f);
    return load<Arch>(src + i * kLanes<Arch>);
  }
  VARSCOPE_SIMD_INLINE void store_at(float* dst, int i, Floats<Arch> value) const noexcept {
    if (kCount == kBatchNormPartial) return store_partial<Arch>(dst, value, columns);
    store<Arch>(dst + i * kLanes<Arch>, value);
  }
};

/// Calls part(columns, first column) for all columns of the block, widest first.
template <typename Arch, typename Part>
VARSCOPE_SIMD_INLINE void for_each_column(const BatchNormBlock& block, const Part& part) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  constexpr std::int64_t wide = kBatchNormRegisters * lanes;
  std::int64_t j = 0;
  for (; j + wide <= block.columns; j += wide) {
    part(BatchNormColumns<Arch, kBatchNormRegisters>{wide}, j);
  }
  for (; j + lanes <= block.columns; j += lanes) part(BatchNormColumns<Arch, 1>{lanes}, j);
  if (j < block.columns) part(BatchNormColumns<Arch, kBatchNormPartial>{block.columns - j}, j);
}

template <typename Arch>
void batch_norm_statistics(const BatchNormBlock& block, const float* x, float* mean_offsets,
                           float* squares) noexcept {
  for_each_column<Arch>(block, [&](const auto columns, std::int64_t j) VARSCOPE_SIMD_LAMBDA {
    constexpr int registers = decltype(columns)::kRegisters;
    Floats<Arch> first[registers], mean[registers], square[registers];
    for (int i = 0; i < registers; ++i) {
      first[i] = columns.load_at(x + j, i);
      mean[i] = square[i] = broadcast<Arch>(0.0f);
    }
    for (std::int64_t begin = 0; begin < block.rows; begin += kBatchNormRun) {
      const std::int64_t rows = smaller(kBatchNormRun, block.rows - begin);
      const float* const run = x + begin * block.stride + j;
      Floats<Arch> sum[registers], sum_of_squares[registers];
      for (int i = 0; i < registers; ++i) sum[i] = sum_of_squares[i] = broadcast<Arch>(0.0f);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (int i = 0; i < registers; ++i) {
          sum[i] = sum[i] + (columns.load_at(run + row * block.stride, i) - first[i]);
        }
      }
      for (int i = 0; i < registers; ++i) sum[i] = sum[i] * broadcast<Arch>(1.0f / static_cast<float>(rows));
      for (std::int64_t row = 0; row < rows; ++row) {
        for (int i = 0; i < registers; ++i) {
          const Floats<Arch> distance = columns.load_at(run + row * block.stride, i) - first[i] - sum[i];
          sum_of_squares[i] = multiply_add<Arch>(distance, distance, sum_of_squares[i]);
        }
      }
      // Of n rows so far and m more: mean += (m / (n + m)) d, squares += d^2 n m / (n + m) with d the
      // distance between the means.
      const float part = static_cast<float>(rows) / static_cast<float>(begin + rows);
      const Floats<Arch> share = broadcast<Arch>(part);
      const Floats<Arch> weight = broadcast<Arch>(part * static_cast<float>(begin));
      for (int i = 0; i < registers; ++i) {
        const Floats<Arch> distance = sum[i] - mean[i];
        mean[i] = multiply_add<Arch>(distance, share, mean[i]);
        square[i] = square[i] + multiply_add<Arch>(distance * distance, weight, sum_of_squares[i]);
      }
    }
    for (int i = 0; i < registers; ++i) {
      columns.store_at(mean_offsets + j, i, mean[i]);
      columns.store_at(squares + j, i, square[i]);
    }
  });
}

template <typename Arch>
void batch_norm_normalize(const BatchNormBlock& block, const float* x, const float* mean, const float* factor,
                          const float* offset, float* y) noexcept {
  for_each_column<Arch>(block, [&](const auto columns, std::int64_t j) VARSCOPE_SIMD_LAMBDA {
    constexpr int registers = decltype(columns)::kRegisters;
    Floats<Arch> of_mean[registers], of_factor[registers], of_offset[registers];
    for (int i = 0; i < registers; ++i) {
      of_mean[i] = columns.load_at(mean + j, i);
      of_factor[i] = columns.load_at(factor + j, i);
      of_offset[i] = columns.load_at(offset + j, i);
    }
    for (std::int64_t row = 0; row < block.rows; ++row) {
      const std::int64_t at = row * block.stride + j;
      for (int i = 0; i < registers; ++i) {
        const Floats<Arch> distance = columns.load_at(x + at, i) - of_mean[i];
        columns.store_at(y + at, i, multiply_add<Arch>(distance, of_factor[i], of_offset[i]));
      }
    }
  });
}

template <typename Arch>
void batch_norm_gradient_sums(const BatchNormBlock& block, const float* g, const float* x, const float* mean,
                              float* sums, float* products) noexcept {
  for_each_column<Arch>(block, [&](const auto columns, std::int64_t j) VARSCOPE_SIMD_LAMBDA {
    constexpr int registers = decltype(columns)::kRegisters;
    Floats<Arch> of_mean[registers], all[registers], all_products[registers];
    for (int i = 0; i < registers; ++i) {
      of_mean[i] = columns.load_at(mean + j, i);
      all[i] = all_products[i] = broadcast<Arch>(0.0f);
    }
    // Sums of sums: their error does not grow with the rows.
    for (std::int64_t begin = 0; begin < block.rows; begin += kBatchNormRun) {
      const std::int64_t end = smaller(begin + kBatchNormRun, block.rows);
      Floats<Arch> sum[registers], product[registers];
      for (int i = 0; i < registers; ++i) sum[i] = product[i] = broadcast<Arch>(0.0f);
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t at = row * block.stride + j;
        for (int i = 0; i < registers; ++i) {
          const Floats<Arch> of_g = columns.load_at(g + at, i);
          sum[i] = sum[i] + of_g;
          product[i] = multiply_add<Arch>(of_g, columns.load_at(x + at, i) - of_mean[i], product[i]);
        }
      }
      for (int i = 0; i < registers; ++i) {
        all[i] = all[i] + sum[i];
        all_products[i] = all_products[i] + product[i];
      }
    }
    for (int i = 0; i < registers; ++i) {
      columns.store_at(sums + j, i, all[i]);
      columns.store_at(products + j, i, all_products[i]);
    }
  });
}

template <typename Arch>
void batch_norm_gradient(const BatchNormBlock& block, const float* g, const float* x,
                         const BatchNormGradientNumbers<float>& numbers, float* dx) noexcept {
  for_each_column<Arch>(block, [&](const auto columns, std::int64_t j) VARSCOPE_SIMD_LAMBDA {
    constexpr int registers = decltype(columns)::kRegisters;
    Floats<Arch> mean[registers], of_g[registers], of_x[registers], constant[registers];
    for (int i = 0; i < registers; ++i) {
      mean[i] = columns.load_at(numbers.mean + j, i);
      of_g[i] = columns.load_at(numbers.of_g + j, i);
      of_x[i] = columns.load_at(numbers.of_x + j, i);
      constant[i] = columns.load_at(numbers.constant + j, i);
    }
    for (std::int64_t row = 0; row < block.rows; ++row) {
      const std::int64_t at = row * block.stride + j;
      for (int i = 0; i < registers; ++i) {
        const Floats<Arch> rest =
            multiply_add<Arch>(columns.load_at(x + at, i) - mean[i], of_x[i], constant[i]);
        columns.store_at(dx + at, i, multiply_add<Arch>(columns.load_at(g + at, i), of_g[i], rest));
      }
    }
  });
}

template <typename Arch>
constexpr BatchNormKernels batch_norm_kernels() noexcept {
  return {.statistics = &batch_norm_statistics<Arch>,
          .normalize = &batch_norm_normalize<Arch>,
          .gradient_sums = &batch_norm_gradient_sums<Arch>,
          .gradient = &batch_norm_gradient<Arch>};
}

}  // namespace
}  // namespace varscope::simd
