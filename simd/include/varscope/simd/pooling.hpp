// SPDX-License-Identifier: Apache-2.0
// Max and average pooling of float32 NHWC images. Padding takes no part: the maximum is over the elements of
// the window that lie in the image, the average is their sum divided by their count (as TensorFlow does). A
// window that lies wholly outside gives minus infinity for max, NaN for average. A NaN in the window gives
// NaN.
#pragma once

#include <cstdint>

namespace varscope::simd {

// Requires: every size positive, pads not negative. Pads below and to the right follow from the sizes.
struct Pool2DShape {
  std::int64_t batch = 1;
  std::int64_t in_height = 1;
  std::int64_t in_width = 1;
  std::int64_t channels = 1;
  std::int64_t out_height = 1;
  std::int64_t out_width = 1;
  std::int64_t window_height = 1;
  std::int64_t window_width = 1;
  std::int64_t stride_height = 1;
  std::int64_t stride_width = 1;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
};

// Computes output rows first_row .. last_row - 1, counted through the whole batch (image n, row y is row
// n * out_height + y). `input` and `output` are the whole arrays and do not overlap. Any cut into row ranges,
// run by any threads, gives the same bits.
using Pool2DFunction = void (*)(const Pool2DShape& shape, const float* input, float* output,
                                std::int64_t first_row, std::int64_t last_row) noexcept;

// The gradients with regard to the input. From the gradient of each output element, `grad`, max pooling
// passes all to the first element of the window, row by row, that is the window's maximum (nothing where that
// is NaN), average pooling passes the same part to every element of the window that lies in the image. An
// element in several windows gets the sum, added up in the order of the windows.
//
// Computes input rows first_row .. last_row - 1, counted through the whole batch. `output` is what pooling
// made of `input`. No array overlaps `input_grad`. Any cut into row ranges, run by any threads, gives the
// same bits.
using MaxPool2DGradFunction = void (*)(const Pool2DShape& shape, const float* input, const float* output,
                                       const float* grad, float* input_grad, std::int64_t first_row,
                                       std::int64_t last_row) noexcept;
using AveragePool2DGradFunction = void (*)(const Pool2DShape& shape, const float* grad, float* input_grad,
                                           std::int64_t first_row, std::int64_t last_row) noexcept;

struct PoolingKernels {
  Pool2DFunction max_pool2d = nullptr;
  Pool2DFunction average_pool2d = nullptr;
  MaxPool2DGradFunction max_pool2d_grad = nullptr;
  AveragePool2DGradFunction average_pool2d_grad = nullptr;
};

}  // namespace varscope::simd
