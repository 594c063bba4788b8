// SPDX-License-Identifier: Apache-2.0
// Softmax along one dimension.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/simd/reference/softmax.hpp>

#include <cmath>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

/// Columns that one unit of work computes where the dimension is not the last.
constexpr std::int64_t kBlock = 64;

/// The columns [0, columns), columns <= kBlock, of `length` rows that are `stride` elements apart.
template <typename T>
void softmax_columns(const T* src, T* dst, std::int64_t stride, std::int64_t length,
                     std::int64_t columns) noexcept {
  T largest[kBlock];
  double sum[kBlock] = {};
  std::copy_n(src, columns, largest);
  for (std::int64_t row = 1; row < length; ++row) {
    for (std::int64_t c = 0; c < columns; ++c) {
      largest[c] = simd::reference::maximum_of(largest[c], src[row * stride + c]);
    }
  }
  for (std::int64_t row = 0; row < length; ++row) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const T power = std::exp(src[row * stride + c] - largest[c]);
      dst[row * stride + c] = power;
      sum[c] += static_cast<double>(power);
    }
  }
  for (std::int64_t row = 0; row < length; ++row) {
    for (std::int64_t c = 0; c < columns; ++c) {
      T& value = dst[row * stride + c];
      value = static_cast<T>(static_cast<double>(value) / sum[c]);
    }
  }
}

template <typename T>
auto softmax_rows_function() {
  if constexpr (std::is_same_v<T, float>) {
    return detail::kernel_set().softmax.softmax_rows;
  } else {
    return &simd::reference::softmax_rows<T>;
  }
}

/// Input and result [outer, length, inner].
template <typename T>
std::unique_ptr<detail::Kernel> make_softmax(std::int64_t outer, std::int64_t length, std::int64_t inner) {
  if (inner == 1) {
    return detail::make_range_kernel(
        {.items = outer,
         .items_per_tile = detail::items_per_tile(2 * length),
         .nanoseconds_per_item = static_cast<double>(length) * (std::is_same_v<T, float> ? 1.5 : 6),
         .in_place_input = 0},
        [length, function = softmax_rows_function<T>()](std::int64_t first, std::int64_t last,
                                                        const KernelArguments& arguments) noexcept {
          function(detail::input<T>(arguments, 0) + first * length,
                   detail::output<T>(arguments, 0) + first * length, last - first, length);
          return static_cast<const char*>(nullptr);
        });
  }
  const std::int64_t blocks = (inner + kBlock - 1) / kBlock;
  return detail::make_range_kernel({.items = outer * blocks,
                                    .items_per_tile = detail::items_per_tile(2 * kBlock * length),
                                    .nanoseconds_per_item = static_cast<double>(kBlock * length) * 6,
                                    .in_place_input = 0},
                                   [length, inner, blocks](std::int64_t first, std::int64_t last,
                                                           const KernelArguments& arguments) noexcept {
                                     for (std::int64_t unit = first; unit < last; ++unit) {
                                       const std::int64_t column = unit % blocks * kBlock;
                                       const std::int64_t offset = unit / blocks * length * inner + column;
                                       softmax_columns(detail::input<T>(arguments, 0) + offset,
                                                       detail::output<T>(arguments, 0) + offset, inner,
                                                       length, std::min(kBlock, inner - column));
                                     }
                                     return static_cast<const char*>(nullptr);
                                   });
}

class SoftmaxDefinition final : public detail::OpDefinition {
 public:
  explicit SoftmaxDefinition(int axis) : axis_(axis) {}

  std::string_view type() const noexcept override { return "Softmax"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    detail::require_floating(inputs[0], "logits");
    if (inputs[0].shape.has_rank()) {
      detail::axis_from_start(axis_, inputs[0].shape.rank(), inputs[0], "logits");
    }
    return {inputs[0]};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    const Shape& shape = inputs[0].shape;
    const int axis = detail::axis_from_start(axis_, shape.rank(), inputs[0], "logits");
    const std::int64_t outer = shape.num_elements() == 0 ? 0 : detail::product(shape, 0, axis);
    const std::int64_t inner = detail::product(shape, axis + 1, shape.rank());
    return detail::visit_element_type<float, double>(
        inputs[0].dtype,
        [&]<typename T>(detail::ElementType<T>) { return make_softmax<T>(outer, shape[axis], inner); });
  }

  /// (g - sum(g y)) y, with the result y and the sum along the dimension.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const SourceLocation& where = operation.where();
    const Tensor& gradient = output_gradients[0];
    const Tensor result = operation.output(0);
    const Tensor mean =
        reduce_sum(multiply(gradient, result, "mul", where), {.axis = axis_, .keepdims = true}, where);
    return std::vector{multiply(subtract(gradient, mean, "sub", where), result, "mul", where)};
  }

 private:
  int axis_;
};

}  // namespace

Tensor softmax(const TensorLike& logits, SoftmaxOptions options, SourceLocation where) {
  return detail::build(std::make_shared<SoftmaxDefinition>(options.axis), {{"logits", &logits}}, options.name,
                       "Softmax", where);
}

}  // namespace varscope
