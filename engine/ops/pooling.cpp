// SPDX-License-Identifier: Apache-2.0
// MaxPool and AvgPool: the maximum and the mean of each window of an image. Their gradients:
// pooling_grad.cpp.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/pooling_geometry.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/nn_gradient_ops.hpp>
#include <varscope/simd/reference/pooling.hpp>

#include <array>
#include <utility>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;
using simd::Pool2DShape;

enum class Pooling { max, average };

template <typename T>
using PoolFunction = void (*)(const Pool2DShape& shape, const T* input, T* output, std::int64_t first_row,
                              std::int64_t last_row) noexcept;

template <typename T>
PoolFunction<T> pool_function(Pooling pooling) {
  return pooling == Pooling::max ? &simd::reference::max_pool2d<T> : &simd::reference::average_pool2d<T>;
}

template <>
PoolFunction<float> pool_function<float>(Pooling pooling) {
  const simd::PoolingKernels& kernels = detail::kernel_set().pooling;
  return pooling == Pooling::max ? kernels.max_pool2d : kernels.average_pool2d;
}

class PoolDefinition final : public detail::OpDefinition {
 public:
  PoolDefinition(Pooling pooling, PoolOptions options) : pooling_(pooling), options_(std::move(options)) {}

  std::string_view type() const noexcept override { return pooling_ == Pooling::max ? "MaxPool" : "AvgPool"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& value = inputs[0];
    if (pooling_ == Pooling::max) {
      detail::require_dtype(value, "value",
                            {DType::float32, DType::float64, DType::int32, DType::int64, DType::uint8});
    } else {
      detail::require_floating(value, "value");
    }
    return {{value.dtype, detail::pool_output_shape(value, options_)}};
  }

  detail::FusionRole fusion_role() const noexcept override {
    constexpr std::array kPairs = {1, 2, 2, 1};
    const bool of_blocks = pooling_ == Pooling::max && options_.ksize == kPairs && options_.strides == kPairs;
    return of_blocks ? detail::FusionRole::max_pool : detail::FusionRole::none;
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& out = outputs[0].shape;
    const Pool2DShape shape = detail::pool_kernel_shape(inputs[0].shape, out, options_);
    const bool empty = out.num_elements() == 0;
    return detail::visit_element_type<float, double, std::int32_t, std::int64_t, std::uint8_t>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) { return make_typed<T>(shape, empty); });
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const Tensor value = operation.inputs()[0];
    if (value.dtype() != DType::float32 && value.dtype() != DType::float64) return std::nullopt;
    if (pooling_ == Pooling::average) {
      return std::vector{
          detail::average_pool_gradient(value, output_gradients[0], options_, operation.where())};
    }
    return std::vector{
        max_pool_grad(value, operation.output(0), output_gradients[0], options_, operation.where())};
  }

 private:
  template <typename T>
  std::unique_ptr<detail::Kernel> make_typed(const Pool2DShape& shape, bool empty) const {
    const std::int64_t visits =
        shape.out_width * shape.channels * shape.window_height * shape.window_width;  // in one output row
    return detail::make_range_kernel(
        {.items = empty ? 0 : shape.batch * shape.out_height,
         .items_per_tile = detail::items_per_tile(visits),
         .nanoseconds_per_item = static_cast<double>(visits) * (std::is_same_v<T, float> ? 0.2 : 2)},
        [shape, function = pool_function<T>(pooling_)](std::int64_t first, std::int64_t last,
                                                       const KernelArguments& arguments) noexcept {
          function(shape, detail::input<T>(arguments, 0), detail::output<T>(arguments, 0), first, last);
          return static_cast<const char*>(nullptr);
        });
  }

  Pooling pooling_;
  PoolOptions options_;
};

Tensor build_pool(Pooling pooling, const TensorLike& value, PoolOptions options,
                  const SourceLocation& where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(std::make_shared<PoolDefinition>(pooling, std::move(options)), {{"value", &value}},
                       name, pooling == Pooling::max ? "MaxPool" : "AvgPool", where);
}

}  // namespace

Tensor max_pool(const TensorLike& value, PoolOptions options, SourceLocation where) {
  return build_pool(Pooling::max, value, std::move(options), where);
}

Tensor avg_pool(const TensorLike& value, PoolOptions options, SourceLocation where) {
  return build_pool(Pooling::average, value, std::move(options), where);
}

}  // namespace varscope
