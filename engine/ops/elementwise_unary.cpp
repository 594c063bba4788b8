// SPDX-License-Identifier: Apache-2.0
// Functions of each element: Neg, Abs, Square, Exp, Log, Sqrt, Relu, Sigmoid, Tanh.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/elementwise_unary_gradients.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/simd/reference/elementwise.hpp>

namespace varscope {

namespace {

namespace reference = simd::reference;
using detail::TensorSpec;

/// One of the functions of this file: a constant of the program.
struct UnaryFunctionOfElements {
  const char* type;
  const char* parameter;  // TensorFlow's name of the input
  simd::UnaryFunction simd::ElementwiseKernels::*vectorized;
  std::unique_ptr<detail::Kernel> (*make_plain)(DType dtype, detail::RangeOptions options);
  Tensor (*gradient)(const Operation& operation, const Tensor& gradient);
  bool integers;                   // whether it is defined for them
  double nanoseconds_per_element;  // in float32
  detail::FusionRole fusion_role;
  bool bytes = false;  // whether uint8 is one of its dtypes
};

template <typename Function, typename T>
std::unique_ptr<detail::Kernel> make_unary_kernel(detail::RangeOptions options) {
  options.nanoseconds_per_item *= 4;  // one element at a time
  return detail::make_range_kernel(
      options, [](std::int64_t first, std::int64_t last, const detail::KernelArguments& arguments) noexcept {
        reference::for_each_element<Function>(detail::input<T>(arguments, 0) + first,
                                              detail::output<T>(arguments, 0) + first, last - first);
        return static_cast<const char*>(nullptr);
      });
}

/// For every dtype but float32.
template <typename Function, typename... Types>
std::unique_ptr<detail::Kernel> make_plain_unary(DType dtype, detail::RangeOptions options) {
  return detail::visit_element_type<Types...>(
      dtype, [&]<typename T>(detail::ElementType<T>) { return make_unary_kernel<Function, T>(options); });
}

template <typename Function>
constexpr auto unary_of_numbers = &make_plain_unary<Function, double, std::int32_t, std::int64_t>;
template <typename Function>
constexpr auto unary_of_numbers_and_bytes =
    &make_plain_unary<Function, double, std::int32_t, std::int64_t, std::uint8_t>;
template <typename Function>
constexpr auto unary_of_floats = &make_plain_unary<Function, double>;

using Kernels = simd::ElementwiseKernels;
constexpr auto kNeverFused = detail::FusionRole::none;
constexpr UnaryFunctionOfElements kNeg = {
    "Neg", "x", &Kernels::neg, unary_of_numbers<reference::Neg>, &detail::negative_gradient,
    true,  0.2, kNeverFused};
constexpr UnaryFunctionOfElements kAbs = {
    "Abs", "x", &Kernels::abs, unary_of_numbers<reference::Abs>, &detail::abs_gradient,
    true,  0.2, kNeverFused};
constexpr UnaryFunctionOfElements kSquare = {
    "Square", "x", &Kernels::square, unary_of_numbers<reference::Square>, &detail::square_gradient,
    true,     0.2, kNeverFused};
constexpr UnaryFunctionOfElements kExp = {
    "Exp", "x", &Kernels::exp, unary_of_floats<reference::Exp>, &detail::exp_gradient, false, 1, kNeverFused};
constexpr UnaryFunctionOfElements kLog = {
    "Log", "x", &Kernels::log, unary_of_floats<reference::Log>, &detail::log_gradient, false, 1, kNeverFused};
constexpr UnaryFunctionOfElements kSqrt = {
    "Sqrt", "x", &Kernels::sqrt, unary_of_floats<reference::Sqrt>, &detail::sqrt_gradient,
    false,  0.5, kNeverFused};
constexpr UnaryFunctionOfElements kSigmoid = {"Sigmoid",
                                              "x",
                                              &Kernels::sigmoid,
                                              unary_of_floats<reference::Sigmoid>,
                                              &detail::sigmoid_gradient,
                                              false,
                                              1.5,
                                              detail::FusionRole::sigmoid};
constexpr UnaryFunctionOfElements kTanh = {
    "Tanh", "x", &Kernels::tanh,          unary_of_floats<reference::Tanh>, &detail::tanh_gradient,
    false,  1.5, detail::FusionRole::tanh};
constexpr UnaryFunctionOfElements kRelu = {"Relu",
                                           "features",
                                           &Kernels::relu,
                                           unary_of_numbers_and_bytes<reference::Relu>,
                                           &detail::relu_gradient,
                                           true,
                                           0.2,
                                           detail::FusionRole::relu,
                                           true};

class UnaryDefinition final : public detail::OpDefinition {
 public:
  explicit UnaryDefinition(const UnaryFunctionOfElements& function) : function_(function) {}

  std::string_view type() const noexcept override { return function_.type; }
  detail::FusionRole fusion_role() const noexcept override { return function_.fusion_role; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    if (function_.bytes && inputs[0].dtype == DType::uint8) return {inputs[0]};
    if (function_.integers) {
      detail::require_number(inputs[0], function_.parameter);
    } else {
      detail::require_floating(inputs[0], function_.parameter);
    }
    return {inputs[0]};
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return std::vector{function_.gradient(operation, output_gradients[0])};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    const simd::KernelSet& kernels = detail::kernel_set();
    const detail::RangeOptions options = {
        .items = inputs[0].shape.num_elements(),
        .items_per_tile = detail::kElementsPerTile,
        .nanoseconds_per_item = function_.nanoseconds_per_element,
        .in_place_input = 0,
        .description = inputs[0].dtype == DType::float32 ? kernels.name : "plain"};
    if (inputs[0].dtype != DType::float32) return function_.make_plain(inputs[0].dtype, options);
    const simd::UnaryFunction function = kernels.elementwise.*function_.vectorized;
    return detail::make_range_kernel(options, [function](std::int64_t first, std::int64_t last,
                                                         const detail::KernelArguments& arguments) noexcept {
      function(detail::input<float>(arguments, 0) + first, detail::output<float>(arguments, 0) + first,
               last - first);
      return static_cast<const char*>(nullptr);
    });
  }

 private:
  const UnaryFunctionOfElements& function_;
};

Tensor build_unary(const UnaryFunctionOfElements& function, const TensorLike& x, std::string_view name,
                   const SourceLocation& where) {
  return detail::build(std::make_shared<UnaryDefinition>(function), {{function.parameter, &x}}, name,
                       function.type, where);
}

}  // namespace

Tensor negative(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kNeg, x, name, where);
}

Tensor operator-(const detail::TensorOperand& x) {
  return build_unary(kNeg, x, {}, x.where());
}

Tensor abs(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kAbs, x, name, where);
}

Tensor square(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kSquare, x, name, where);
}

Tensor exp(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kExp, x, name, where);
}

Tensor log(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kLog, x, name, where);
}

Tensor sqrt(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kSqrt, x, name, where);
}

Tensor relu(const TensorLike& features, std::string_view name, SourceLocation where) {
  return build_unary(kRelu, features, name, where);
}

Tensor sigmoid(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kSigmoid, x, name, where);
}

Tensor tanh(const TensorLike& x, std::string_view name, SourceLocation where) {
  return build_unary(kTanh, x, name, where);
}

}  // namespace varscope
