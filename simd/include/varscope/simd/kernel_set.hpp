// SPDX-License-Identifier: Apache-2.0
// The kernels of one instruction set, and the table of those that were built.
//
// simd/ never chooses for the caller: it lists, finds by name and says what this machine can run. Everything
// here is constant after program load, noexcept and thread-safe.
#pragma once

#include <varscope/simd/batch_norm.hpp>
#include <varscope/simd/conv2d.hpp>
#include <varscope/simd/conv2d_backprop_filter.hpp>
#include <varscope/simd/elementwise.hpp>
#include <varscope/simd/matmul.hpp>
#include <varscope/simd/optimizers.hpp>
#include <varscope/simd/peak.hpp>
#include <varscope/simd/pooling.hpp>
#include <varscope/simd/reduce.hpp>
#include <varscope/simd/softmax.hpp>
#include <varscope/simd/transpose.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace varscope::simd {

// Every slot is documented beside its family; all are set in every row, except those that may be null by
// their comment.
struct KernelSet {
  const char* name = "";           // "avx512", "avx2", "sse4_2", "neon", "reference"
  std::int64_t vector_floats = 1;  // float32 elements of one register
  std::int64_t tile_pixels = 1;    // largest register tile: pixels (or rows of a product) by registers
  std::int64_t tile_vectors = 1;
  BatchNormKernels batch_norm;
  Conv2DKernels conv2d;
  Conv2DBackpropFilterKernels conv2d_backprop_filter;
  MatMulKernels matmul;
  ElementwiseKernels elementwise;
  OptimizerKernels optimizers;
  PoolingKernels pooling;
  ReduceKernels reduce;
  SoftmaxKernels softmax;
  TransposeKernels transpose;
  PeakKernels peak;
};

// The sets in this binary, best first; the last one is always "reference", plain C++ that every machine runs.
std::span<const KernelSet* const> built_kernel_sets() noexcept;

// Whether this processor and operating system can run the set.
bool supported(const KernelSet& kernels) noexcept;

// The set of that name, or nullptr when it was not built; says nothing about whether the machine can run it.
const KernelSet* find_kernel_set(std::string_view name) noexcept;

// The first built set that is supported.
const KernelSet& best_kernel_set() noexcept;

}  // namespace varscope::simd
