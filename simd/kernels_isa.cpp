// SPDX-License-Identifier: Apache-2.0
// All kernels of one instruction set. Compiled once per set, with its compiler flags and
// -DVARSCOPE_SIMD_ISA_NAMESPACE=<set>; the only symbol that leaves is varscope::simd::<set>::kernels.
#include "kernels/batch_norm.inl.hpp"
#include "kernels/conv2d_backprop_filter.inl.hpp"
#include "kernels/conv2d_backprop_filter_depthwise.inl.hpp"
#include "kernels/conv2d_backprop_filter_winograd.inl.hpp"
#include "kernels/conv2d_depthwise.inl.hpp"
#include "kernels/conv2d_direct.inl.hpp"
#include "kernels/conv2d_grouped.inl.hpp"
#include "kernels/conv2d_winograd.inl.hpp"
#include "kernels/conv2d_winograd_row.inl.hpp"
#include "kernels/elementwise.inl.hpp"
#include "kernels/matmul.inl.hpp"
#include "kernels/optimizers.inl.hpp"
#include "kernels/peak.inl.hpp"
#include "kernels/pooling.inl.hpp"
#include "kernels/reduce.inl.hpp"
#include "kernels/softmax.inl.hpp"
#include "kernels/strassen_product.inl.hpp"
#include "kernels/transpose.inl.hpp"

#include <varscope/simd/kernel_set.hpp>

namespace varscope::simd {

#define VARSCOPE_SIMD_STRING_OF(text) #text
#define VARSCOPE_SIMD_STRING(macro) VARSCOPE_SIMD_STRING_OF(macro)

namespace {

struct Architectures {
#if XSIMD_WITH_NEON64
  using neon = xsimd::neon64;
#else
  using sse4_2 = xsimd::sse4_2;
  using avx2 = xsimd::fma3<xsimd::avx2>;
  using avx512 = xsimd::avx512bw;
#endif
};

using Architecture = Architectures::VARSCOPE_SIMD_ISA_NAMESPACE;
static_assert(Architecture::supported(), "this file needs the compiler flags of its instruction set");

}  // namespace

namespace VARSCOPE_SIMD_ISA_NAMESPACE {

extern const KernelSet kernels;
constinit const KernelSet kernels = {
    .name = VARSCOPE_SIMD_STRING(VARSCOPE_SIMD_ISA_NAMESPACE),
    .vector_floats = kLanes<Architecture>,
    .tile_pixels = kTilePixels<Architecture>,
    .tile_vectors = kTileVectors,
    .batch_norm = batch_norm_kernels<Architecture>(),
    .conv2d = {.direct_tile = &conv2d_direct_tile<Architecture>,
               .pointwise_tile = &conv2d_pointwise_tile<Architecture>,
               .depthwise_tile = &conv2d_depthwise_tile<Architecture>,
               .grouped_tile = &conv2d_grouped_tile<Architecture>,
               .strassen_tile = &conv2d_strassen_tile<Architecture>,
               .winograd = winograd_kernels<Architecture>(),
               .winograd_row = winograd_row_kernels<Architecture>()},
    .conv2d_backprop_filter = {.direct_tile = &conv2d_backprop_filter_tile<Architecture>,
                               .direct_sum_tile = &conv2d_backprop_filter_sum_tile<Architecture>,
                               .depthwise_tile = &conv2d_backprop_filter_depthwise_tile<Architecture>,
                               .depthwise_sum_tile = &conv2d_backprop_filter_depthwise_sum_tile<Architecture>,
                               .winograd = winograd_backprop_filter_kernels<Architecture>()},
    .matmul = {.tile = &matmul_tile<Architecture>},
    .elementwise = elementwise_kernels<Architecture>(),
    .optimizers = optimizer_kernels<Architecture>(),
    .pooling = pooling_kernels<Architecture>(),
    .reduce = reduce_kernels<Architecture>(),
    .softmax = softmax_kernels<Architecture>(),
    .transpose = transpose_kernels<Architecture>(),
    .peak = peak_kernels<Architecture>(),
};

}  // namespace VARSCOPE_SIMD_ISA_NAMESPACE

}  // namespace varscope::simd
