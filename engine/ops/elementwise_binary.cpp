// SPDX-License-Identifier: Apache-2.0
// Functions of two tensors, broadcast against each other: Add, Sub, Mul, RealDiv, Div, Maximum, Minimum; and
// BiasAdd, an Add whose second operand is a vector along the last dimension.
#include "ops/elementwise_binary.hpp"

#include "core/instruction_set.hpp"
#include "ops/broadcast.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/elementwise_binary_gradients.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/simd/reference/elementwise.hpp>

#include <string>

namespace varscope {

namespace {

namespace reference = simd::reference;
using detail::BroadcastWalk;
using detail::TensorSpec;

/// One of the functions of this file: a constant of the program.
struct BinaryFunctionOfElements {
  const char* type;
  simd::BinaryForms simd::ElementwiseKernels::*vectorized;
  std::unique_ptr<detail::Kernel> (*make_plain)(DType dtype, const detail::RangeOptions& options,
                                                const BroadcastWalk& walk);
  std::vector<Tensor> (*gradients)(const Operation& operation, const Tensor& gradient);
  double nanoseconds_per_element;  // in float32
  detail::FusionRole fusion_role;
  bool bytes = false;  // whether uint8 is one of its dtypes
};

/// Runs Function over one run; gives what is wrong with the data, or nullptr.
template <typename Function, typename T>
const char* plain_run(const BroadcastWalk& walk, const T* x, const T* y, T* result,
                      std::int64_t count) noexcept {
  const bool repeat_x = walk.inner.x_step == 0;
  const bool repeat_y = walk.inner.y_step == 0;
  if constexpr (std::is_same_v<Function, reference::Div> && std::is_integral_v<T>) {
    for (std::int64_t i = 0; i < (repeat_y ? 1 : count); ++i) {
      if (y[i] == 0) return "integer division by zero";
    }
  }
  if (repeat_x) {
    reference::for_each_pair<Function, true, false>(x, y, result, count);
  } else if (repeat_y) {
    reference::for_each_pair<Function, false, true>(x, y, result, count);
  } else {
    reference::for_each_pair<Function, false, false>(x, y, result, count);
  }
  return nullptr;
}

template <typename Function, typename T>
std::unique_ptr<detail::Kernel> make_plain_kernel(detail::RangeOptions options, const BroadcastWalk& walk) {
  options.nanoseconds_per_item *= 4;  // one element at a time
  return detail::make_range_kernel(options, [walk](std::int64_t first, std::int64_t last,
                                                   const detail::KernelArguments& arguments) noexcept {
    const T* x = detail::input<T>(arguments, 0);
    const T* y = detail::input<T>(arguments, 1);
    T* result = detail::output<T>(arguments, 0);
    const char* problem = nullptr;
    detail::for_each_run(walk, first, last,
                         [&](std::int64_t at_x, std::int64_t at_y, std::int64_t at, std::int64_t count) {
                           if (problem != nullptr) return;
                           problem = plain_run<Function, T>(walk, x + at_x, y + at_y, result + at, count);
                         });
    return problem;
  });
}

/// For every dtype but float32.
template <typename Function, typename... Types>
std::unique_ptr<detail::Kernel> make_plain(DType dtype, const detail::RangeOptions& options,
                                           const BroadcastWalk& walk) {
  return detail::visit_element_type<Types...>(dtype, [&]<typename T>(detail::ElementType<T>) {
    return make_plain_kernel<Function, T>(options, walk);
  });
}

/// Division of integers as float64.
template <typename T>
std::unique_ptr<detail::Kernel> make_converting_division(detail::RangeOptions options,
                                                         const BroadcastWalk& walk) {
  options.nanoseconds_per_item *= 4;  // one element at a time
  options.in_place_input = -1;        // the result is wider
  return detail::make_range_kernel(options, [walk](std::int64_t first, std::int64_t last,
                                                   const detail::KernelArguments& arguments) noexcept {
    const T* x = detail::input<T>(arguments, 0);
    const T* y = detail::input<T>(arguments, 1);
    double* result = detail::output<double>(arguments, 0);
    detail::for_each_run(walk, first, last,
                         [&](std::int64_t at_x, std::int64_t at_y, std::int64_t at, std::int64_t count) {
                           for (std::int64_t i = 0; i < count; ++i) {
                             result[at + i] = static_cast<double>(x[at_x + i * walk.inner.x_step]) /
                                              static_cast<double>(y[at_y + i * walk.inner.y_step]);
                           }
                         });
    return static_cast<const char*>(nullptr);
  });
}

std::unique_ptr<detail::Kernel> make_real_division(DType dtype, const detail::RangeOptions& options,
                                                   const BroadcastWalk& walk) {
  if (dtype == DType::int32) return make_converting_division<std::int32_t>(options, walk);
  if (dtype == DType::int64) return make_converting_division<std::int64_t>(options, walk);
  return make_plain<reference::Div, double>(dtype, options, walk);
}

template <typename Function>
constexpr auto of_numbers = &make_plain<Function, double, std::int32_t, std::int64_t>;
template <typename Function>
constexpr auto of_numbers_and_bytes = &make_plain<Function, double, std::int32_t, std::int64_t, std::uint8_t>;

using Kernels = simd::ElementwiseKernels;
constexpr auto kNoFusion = detail::FusionRole::none;
constexpr BinaryFunctionOfElements kAdd = {"Add",
                                           &Kernels::add,
                                           of_numbers_and_bytes<reference::Add>,
                                           &detail::add_gradients,
                                           0.3,
                                           detail::FusionRole::add,
                                           true};
constexpr BinaryFunctionOfElements kBiasAdd = {"BiasAdd",
                                               &Kernels::add,
                                               of_numbers_and_bytes<reference::Add>,
                                               &detail::bias_add_gradients,
                                               0.3,
                                               detail::FusionRole::bias_add,
                                               true};
constexpr BinaryFunctionOfElements kSub = {
    "Sub",     &Kernels::sub, of_numbers_and_bytes<reference::Sub>, &detail::subtract_gradients, 0.3,
    kNoFusion, true};
constexpr BinaryFunctionOfElements kMul = {
    "Mul",     &Kernels::mul, of_numbers_and_bytes<reference::Mul>, &detail::multiply_gradients, 0.3,
    kNoFusion, true};
constexpr BinaryFunctionOfElements kRealDiv = {
    "RealDiv", &Kernels::div, &make_real_division, &detail::divide_gradients, 0.5, kNoFusion};
constexpr BinaryFunctionOfElements kDiv = {
    "Div", &Kernels::div, of_numbers<reference::Div>, &detail::divide_gradients, 0.5, kNoFusion};
constexpr BinaryFunctionOfElements kMaximum = {
    "Maximum", &Kernels::maximum, of_numbers<reference::Maximum>, &detail::maximum_gradients, 0.3, kNoFusion};
constexpr BinaryFunctionOfElements kMinimum = {
    "Minimum", &Kernels::minimum, of_numbers<reference::Minimum>, &detail::minimum_gradients, 0.3, kNoFusion};

class BinaryDefinition : public detail::OpDefinition {
 public:
  explicit BinaryDefinition(const BinaryFunctionOfElements& function) : function_(function) {}

  std::string_view type() const noexcept override { return function_.type; }
  detail::FusionRole fusion_role() const noexcept override { return function_.fusion_role; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_dtype(inputs[0], "x");
    detail::require_same_dtype(inputs[0], "x", inputs[1], "y");
    const bool to_float64 = &function_ == &kRealDiv && !is_floating(inputs[0].dtype);
    return {{to_float64 ? DType::float64 : inputs[0].dtype, detail::broadcast_shape(inputs[0], inputs[1])}};
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return function_.gradients(operation, output_gradients[0]);
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const DType dtype = inputs[0].dtype;
    const simd::KernelSet& kernels = detail::kernel_set();
    const BroadcastWalk walk = detail::plan_broadcast(inputs[0].shape, inputs[1].shape);
    const detail::RangeOptions options = {.items = outputs[0].shape.num_elements(),
                                          .items_per_tile = detail::kElementsPerTile,
                                          .nanoseconds_per_item = function_.nanoseconds_per_element,
                                          .in_place_input = in_place_input(inputs, outputs[0]),
                                          .description = dtype == DType::float32 ? kernels.name : "plain"};
    if (dtype != DType::float32) return function_.make_plain(dtype, options, walk);
    const simd::BinaryForms& forms = kernels.elementwise.*function_.vectorized;
    const simd::BinaryFunction function = walk.inner.x_step == 0   ? forms.scalar_vector
                                          : walk.inner.y_step == 0 ? forms.vector_scalar
                                                                   : forms.vector_vector;
    return detail::make_range_kernel(
        options, [walk, function](std::int64_t first, std::int64_t last,
                                  const detail::KernelArguments& arguments) noexcept {
          const float* x = detail::input<float>(arguments, 0);
          const float* y = detail::input<float>(arguments, 1);
          float* result = detail::output<float>(arguments, 0);
          detail::for_each_run(walk, first, last,
                               [&](std::int64_t at_x, std::int64_t at_y, std::int64_t at,
                                   std::int64_t count) { function(x + at_x, y + at_y, result + at, count); });
          return static_cast<const char*>(nullptr);
        });
  }

 protected:
  void require_dtype(const TensorSpec& spec, std::string_view parameter) const {
    if (function_.bytes && spec.dtype == DType::uint8) return;
    detail::require_number(spec, parameter);
  }

 private:
  /// An input of which no element is needed after its own result is written.
  static int in_place_input(std::span<const TensorSpec> inputs, const TensorSpec& result) {
    const std::int64_t elements = result.shape.num_elements();
    if (inputs[0].shape.num_elements() == elements) return 0;
    return inputs[1].shape.num_elements() == elements ? 1 : -1;
  }

  const BinaryFunctionOfElements& function_;
};

class BiasAddDefinition final : public BinaryDefinition {
 public:
  BiasAddDefinition() : BinaryDefinition(kBiasAdd) {}

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& value = inputs[0];
    const TensorSpec& bias = inputs[1];
    if (bias.dtype != value.dtype) {
      // A ValueError, as TensorFlow's, which converts the bias to the value's dtype.
      throw ValueError("'value' is " + detail::to_string(value) + " and 'bias' is " +
                       detail::to_string(bias) +
                       ", but the bias must have the dtype of the value; convert one with cast()");
    }
    require_dtype(value, "value");
    const Shape vector = detail::with_rank(bias, "bias", 1, "[channels]");
    if (!value.shape.has_rank()) return {value};
    if (value.shape.rank() < 2) {
      throw ValueError("'value' is " + detail::to_string(value) +
                       ", but must have rank 2 or more: [.., channels]");
    }
    std::vector<std::int64_t> dimensions = value.shape.dimensions();
    std::int64_t& channels = dimensions.back();
    if (channels == unknown_dimension) {
      channels = vector[0];
    } else if (vector[0] != unknown_dimension && vector[0] != channels) {
      throw ValueError("'value' is " + detail::to_string(value) + " and 'bias' is " +
                       detail::to_string(bias) + ", but the bias must have one element for each of the " +
                       std::to_string(channels) + " channels");
    }
    return {{value.dtype, Shape(std::move(dimensions))}};
  }
};

Tensor build_binary(const BinaryFunctionOfElements& function, const TensorLike& x, const TensorLike& y,
                    std::string_view name, std::string_view default_name, const SourceLocation& where) {
  return detail::build(std::make_shared<BinaryDefinition>(function), {{"x", &x}, {"y", &y}}, name,
                       default_name, where);
}

}  // namespace

namespace detail {

std::shared_ptr<const OpDefinition> add_definition() {
  return std::make_shared<BinaryDefinition>(kAdd);
}
std::shared_ptr<const OpDefinition> subtract_definition() {
  return std::make_shared<BinaryDefinition>(kSub);
}

}  // namespace detail

Tensor add(const TensorLike& x, const TensorLike& y, std::string_view name, SourceLocation where) {
  return build_binary(kAdd, x, y, name, "Add", where);
}

Tensor subtract(const TensorLike& x, const TensorLike& y, std::string_view name, SourceLocation where) {
  return build_binary(kSub, x, y, name, "Sub", where);
}

Tensor multiply(const TensorLike& x, const TensorLike& y, std::string_view name, SourceLocation where) {
  return build_binary(kMul, x, y, name, "Mul", where);
}

Tensor divide(const TensorLike& x, const TensorLike& y, std::string_view name, SourceLocation where) {
  return build_binary(kRealDiv, x, y, name, "truediv", where);
}

Tensor div(const TensorLike& x, const TensorLike& y, std::string_view name, SourceLocation where) {
  return build_binary(kDiv, x, y, name, "div", where);
}

Tensor maximum(const TensorLike& x, const TensorLike& y, std::string_view name, SourceLocation where) {
  return build_binary(kMaximum, x, y, name, "Maximum", where);
}

Tensor minimum(const TensorLike& x, const TensorLike& y, std::string_view name, SourceLocation where) {
  return build_binary(kMinimum, x, y, name, "Minimum", where);
}

Tensor bias_add(const TensorLike& value, const TensorLike& bias, std::string_view name,
                SourceLocation where) {
  return detail::build(std::make_shared<BiasAddDefinition>(), {{"value", &value}, {"bias", &bias}}, name,
                       "BiasAdd", where);
}

Tensor operator+(const detail::TensorOperand& x, const TensorLike& y) {
  return build_binary(kAdd, x, y, {}, "add", x.where());
}

Tensor operator+(const detail::ConstantOperand& x, const detail::TensorOperand& y) {
  return build_binary(kAdd, x, y, {}, "add", x.where());
}

Tensor operator-(const detail::TensorOperand& x, const TensorLike& y) {
  return build_binary(kSub, x, y, {}, "sub", x.where());
}

Tensor operator-(const detail::ConstantOperand& x, const detail::TensorOperand& y) {
  return build_binary(kSub, x, y, {}, "sub", x.where());
}

Tensor operator*(const detail::TensorOperand& x, const TensorLike& y) {
  return build_binary(kMul, x, y, {}, "mul", x.where());
}

Tensor operator*(const detail::ConstantOperand& x, const detail::TensorOperand& y) {
  return build_binary(kMul, x, y, {}, "mul", x.where());
}

Tensor operator/(const detail::TensorOperand& x, const TensorLike& y) {
  return build_binary(kRealDiv, x, y, {}, "truediv", x.where());
}

Tensor operator/(const detail::ConstantOperand& x, const detail::TensorOperand& y) {
  return build_binary(kRealDiv, x, y, {}, "truediv", x.where());
}

}  // namespace varscope
