// SPDX-License-Identifier: Apache-2.0
// MaxPool and AvgPool: the maximum and the mean of each window of an image.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/window.hpp"

#include <varscope/nn_ops.hpp>
#include <varscope/simd/reference/pooling.hpp>

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
    detail::require_spatial(options_.ksize, "ksize");
    detail::require_spatial(options_.strides, "strides");
    const Shape in = detail::with_rank(value, "value", 4, "[batch, height, width, channels]");
    return {{value.dtype, Shape{in[0], positions(in, 1).out, positions(in, 2).out, in[3]}}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& in = inputs[0].shape;
    const Shape& out = outputs[0].shape;
    const Pool2DShape shape = {.batch = in[0],
                               .in_height = in[1],
                               .in_width = in[2],
                               .channels = in[3],
                               .out_height = out[1],
                               .out_width = out[2],
                               .window_height = options_.ksize[1],
                               .window_width = options_.ksize[2],
                               .stride_height = options_.strides[1],
                               .stride_width = options_.strides[2],
                               .pad_top = positions(in, 1).pad_before,
                               .pad_left = positions(in, 2).pad_before};
    const bool empty = out.num_elements() == 0;
    return detail::visit_element_type<float, double, std::int32_t, std::int64_t, std::uint8_t>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) { return make_typed<T>(shape, empty); });
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

  detail::WindowPositions positions(const Shape& in, int axis) const {
    const auto option = static_cast<std::size_t>(axis);
    return detail::window_positions(in[axis], options_.ksize[option], options_.strides[option], 1,
                                    options_.padding, axis == 1 ? "height" : "width");
  }

  Pooling pooling_;
  PoolOptions options_;
};

Tensor build_pool(Pooling pooling, const TensorLike& value, PoolOptions options,
                  const SourceLocation& where) {
  const std::string name = std::move(options.name);
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
