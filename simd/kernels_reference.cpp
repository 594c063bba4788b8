// SPDX-License-Identifier: Apache-2.0
// The kernel set "reference": the templates of varscope/simd/reference/ for float32.
#include "kernels_reference.hpp"

#include "conv2d_pack.hpp"

#include <varscope/simd/reference/batch_norm.hpp>
#include <varscope/simd/reference/conv2d.hpp>
#include <varscope/simd/reference/conv2d_backprop.hpp>
#include <varscope/simd/reference/elementwise.hpp>
#include <varscope/simd/reference/matmul.hpp>
#include <varscope/simd/reference/optimizers.hpp>
#include <varscope/simd/reference/pooling.hpp>
#include <varscope/simd/reference/pooling_grad.hpp>
#include <varscope/simd/reference/reduce.hpp>
#include <varscope/simd/reference/softmax.hpp>
#include <varscope/simd/reference/transpose.hpp>

#include <algorithm>

namespace varscope::simd {

namespace {

constexpr std::int64_t kMatMulRowsPerTile = 16;

void conv2d_row(const Conv2DPlan& plan, const Conv2DArguments& arguments, std::int64_t tile) noexcept {
  const Conv2DEpilogue& epilogue = arguments.epilogue;
  reference::conv2d_rows<float>(plan.shape, arguments.input, arguments.packed_filter, epilogue.bias,
                                epilogue.residual, epilogue.activation, arguments.output, tile, tile + 1);
}

void conv2d_backprop_filter_row(const Conv2DBackpropFilterPlan& plan,
                                const Conv2DBackpropFilterArguments& arguments, std::int64_t tile) noexcept {
  reference::conv2d_backprop_filter_rows<float>(plan.shape, arguments.input, arguments.out_backprop,
                                                arguments.filter_backprop, tile, tile + 1);
}

void copy_b(const MatMulPlan& plan, const float* b, float* packed_b, std::int64_t) noexcept {
  std::copy_n(b, plan.packed_b_floats, packed_b);
}

void matmul_rows_of_tile(const MatMulPlan& plan, const MatMulArguments& arguments,
                         std::int64_t tile) noexcept {
  const std::int64_t first = tile * kMatMulRowsPerTile;
  const std::int64_t last = std::min(first + kMatMulRowsPerTile, plan.shape.rows);
  reference::matmul_rows<float>(plan.shape, arguments.a, arguments.packed_b, arguments.bias,
                                arguments.activation, arguments.c, first, last);
}

template <typename Function>
constexpr UnaryFunction unary() noexcept {
  return &reference::for_each_element<Function, float>;
}

template <typename Function>
constexpr BinaryForms binary() noexcept {
  return {.vector_vector = &reference::for_each_pair<Function, false, false, float>,
          .vector_scalar = &reference::for_each_pair<Function, false, true, float>,
          .scalar_vector = &reference::for_each_pair<Function, true, false, float>};
}

void sum_rows(const float* src, float* dst, std::int64_t rows, std::int64_t length) noexcept {
  reference::sum_axis(src, dst, rows, length, 1);
}

void mean_rows(const float* src, float* dst, std::int64_t rows, std::int64_t length) noexcept {
  reference::mean_axis(src, dst, rows, length, 1);
}

void max_rows(const float* src, float* dst, std::int64_t rows, std::int64_t length) noexcept {
  reference::max_axis(src, dst, rows, length, 1);
}

void argmax_rows(const float* src, std::int64_t* dst, std::int64_t rows, std::int64_t length) noexcept {
  reference::argmax_axis(src, dst, rows, length, 1);
}

}  // namespace

void plan_reference_conv2d(Conv2DPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  plan->algorithm = Conv2DAlgorithm::reference;
  plan->blocking = {};
  plan->packed_filter_floats =
      shape.filter_height * shape.filter_width * (shape.in_channels / shape.groups) * shape.out_channels;
  plan->pack_tile_count = 1;
  plan->workspace_floats = 0;
  plan->tile_count = shape.batch * shape.out_height;
  plan->pack_filter_tile = copy_filter;
  plan->run_tile = conv2d_row;
}

void plan_reference_conv2d_backprop_filter(Conv2DBackpropFilterPlan* plan) noexcept {
  const Conv2DShape& shape = plan->shape;
  plan->algorithm = Conv2DAlgorithm::reference;
  plan->tile_count = shape.filter_height * shape.filter_width * (shape.in_channels / shape.groups);
  plan->run_tile = conv2d_backprop_filter_row;
}

void plan_reference_matmul(MatMulPlan* plan) noexcept {
  const MatMulShape& shape = plan->shape;
  plan->blocking = {};
  plan->packed_b_floats = shape.depth * shape.columns;
  plan->pack_tile_count = 1;
  plan->workspace_floats = 0;
  plan->tile_count = (shape.rows + kMatMulRowsPerTile - 1) / kMatMulRowsPerTile;
  plan->pack_b_tile = copy_b;
  plan->run_tile = matmul_rows_of_tile;
}

constinit const KernelSet reference_kernels = {
    .name = "reference",
    .vector_floats = 1,
    .batch_norm = reference::batch_norm_functions<float>(),
    .conv2d = {},
    .conv2d_backprop_filter = {},
    .matmul = {},
    .elementwise = {.abs = unary<reference::Abs>(),
                    .exp = unary<reference::Exp>(),
                    .log = unary<reference::Log>(),
                    .neg = unary<reference::Neg>(),
                    .reciprocal = unary<reference::Reciprocal>(),
                    .relu = unary<reference::Relu>(),
                    .rsqrt = unary<reference::Rsqrt>(),
                    .sigmoid = unary<reference::Sigmoid>(),
                    .sqrt = unary<reference::Sqrt>(),
                    .square = unary<reference::Square>(),
                    .tanh = unary<reference::Tanh>(),
                    .add = binary<reference::Add>(),
                    .sub = binary<reference::Sub>(),
                    .mul = binary<reference::Mul>(),
                    .div = binary<reference::Div>(),
                    .maximum = binary<reference::Maximum>(),
                    .minimum = binary<reference::Minimum>()},
    .optimizers = reference::optimizer_functions<float>(),
    .pooling = {.max_pool2d = &reference::max_pool2d<float>,
                .average_pool2d = &reference::average_pool2d<float>,
                .max_pool2d_grad = &reference::max_pool2d_grad<float>,
                .average_pool2d_grad = &reference::average_pool2d_grad<float>},
    .reduce = {.sum_rows = sum_rows,
               .mean_rows = mean_rows,
               .max_rows = max_rows,
               .sum_axis = &reference::sum_axis<float>,
               .mean_axis = &reference::mean_axis<float>,
               .max_axis = &reference::max_axis<float>,
               .argmax_rows = argmax_rows},
    .softmax = {.softmax_rows = &reference::softmax_rows<float>,
                .softmax_rows_and_sums = &reference::softmax_rows_and_sums<float>},
    .transpose = {.transpose_2d = &reference::transpose_2d<float>},
};

}  // namespace varscope::simd
