// SPDX-License-Identifier: Apache-2.0
// The rules, and the operations that TensorFlow has for them: ReluGrad, SigmoidGrad, TanhGrad, SqrtGrad; and
// AbsGrad. Those of functions that are expensive use the function's result, not its input, which also leaves
// a convolution free to be fused with the activation after it.
#include "ops/elementwise_unary_gradients.hpp"

#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/simd/reference/elementwise.hpp>

#include <algorithm>
#include <optional>

namespace varscope::detail {

namespace {

namespace reference = simd::reference;

/// Elements that are worked on at a time: they stay in a level 1 cache between one function and the next.
constexpr std::int64_t kElementsTogether = 1024;

/// Functions of two arrays of T, from the kernel set where that has them.
template <typename T>
struct PairFunctions {
  using Function = void (*)(const T* a, const T* b, T* dst, std::int64_t count) noexcept;
  Function subtract_from = &reference::for_each_pair<reference::Sub, true, false, T>;  // a is one element
  Function multiply = &reference::for_each_pair<reference::Mul, false, false, T>;
  Function scale = &reference::for_each_pair<reference::Mul, false, true, T>;  // b is one element
  Function divide = &reference::for_each_pair<reference::Div, false, false, T>;
};

template <typename T>
PairFunctions<T> pair_functions() {
  return {};
}

template <>
PairFunctions<float> pair_functions<float>() {
  const simd::ElementwiseKernels& kernels = kernel_set().elementwise;
  return {kernels.sub.scalar_vector, kernels.mul.vector_vector, kernels.mul.vector_scalar,
          kernels.div.vector_vector};
}

using Inputs = std::span<const Tensor>;

/// a * b, at the line of the forward operation.
Tensor times(const Tensor& a, const TensorLike& b, const SourceLocation& where) {
  return multiply(a, b, {}, where);
}

// Each of these gives, of at most kElementsTogether elements, the gradient from what its forward operation
// has (its result, or its input) and the gradient that comes in; `result` may be one of the two. `again` is
// what flows to both of its own inputs of the gradient with regard to its result.

struct ReluGrad {
  static constexpr const char* type = "ReluGrad";
  static constexpr const char* parameters[] = {"gradients", "features"};
  static constexpr int gradient_input = 0;

  template <typename T>
  static void apply(const PairFunctions<T>&, const T* features, const T* gradients, T* result,
                    std::int64_t count) noexcept {
    T block[kElementsTogether];  // the compiler knows that it is none of the others
    for (std::int64_t i = 0; i < count; ++i) {
      const T gradient = gradients[i];
      block[i] = features[i] > T(0) ? gradient : T(0);
    }
    std::copy_n(block, count, result);
  }

  static std::vector<Tensor> again(Inputs inputs, const Tensor& gradient, const SourceLocation& where);
};

struct AbsGrad {
  static constexpr const char* type = "AbsGrad";
  static constexpr const char* parameters[] = {"x", "dy"};
  static constexpr int gradient_input = 1;

  template <typename T>
  static void apply(const PairFunctions<T>&, const T* x, const T* dy, T* result,
                    std::int64_t count) noexcept {
    T block[kElementsTogether];
    for (std::int64_t i = 0; i < count; ++i) {
      const T sign = static_cast<T>(x[i] > T(0)) - static_cast<T>(x[i] < T(0));
      block[i] = dy[i] * (x[i] == x[i] ? sign : x[i]);
    }
    std::copy_n(block, count, result);
  }

  static std::vector<Tensor> again(Inputs inputs, const Tensor& gradient, const SourceLocation& where);
};

/// dy / (2 y)
struct SqrtGrad {
  static constexpr const char* type = "SqrtGrad";
  static constexpr const char* parameters[] = {"y", "dy"};
  static constexpr int gradient_input = 1;

  template <typename T>
  static void apply(const PairFunctions<T>& functions, const T* y, const T* dy, T* result,
                    std::int64_t count) noexcept {
    const T half = T(0.5);
    T block[kElementsTogether];
    functions.scale(dy, &half, block, count);
    functions.divide(block, y, result, count);
  }

  static std::vector<Tensor> again(Inputs inputs, const Tensor& gradient, const SourceLocation& where);
};

/// dy y (1 - y)
struct SigmoidGrad {
  static constexpr const char* type = "SigmoidGrad";
  static constexpr const char* parameters[] = {"y", "dy"};
  static constexpr int gradient_input = 1;

  template <typename T>
  static void apply(const PairFunctions<T>& functions, const T* y, const T* dy, T* result,
                    std::int64_t count) noexcept {
    const T one = T(1);
    T block[kElementsTogether];
    functions.subtract_from(&one, y, block, count);
    functions.multiply(y, block, block, count);
    functions.multiply(dy, block, result, count);
  }

  static std::vector<Tensor> again(Inputs inputs, const Tensor& gradient, const SourceLocation& where);
};

/// dy (1 - y^2)
struct TanhGrad {
  static constexpr const char* type = "TanhGrad";
  static constexpr const char* parameters[] = {"y", "dy"};
  static constexpr int gradient_input = 1;

  template <typename T>
  static void apply(const PairFunctions<T>& functions, const T* y, const T* dy, T* result,
                    std::int64_t count) noexcept {
    const T one = T(1);
    T block[kElementsTogether];
    functions.multiply(y, y, block, count);
    functions.subtract_from(&one, block, block, count);
    functions.multiply(dy, block, result, count);
  }

  static std::vector<Tensor> again(Inputs inputs, const Tensor& gradient, const SourceLocation& where);
};

template <typename Function>
class ElementGradientDefinition final : public OpDefinition {
 public:
  std::string_view type() const noexcept override { return Function::type; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs[0], Function::parameters[0]);
    require_same_dtype(inputs[0], Function::parameters[0], inputs[1], Function::parameters[1]);
    return {{inputs[0].dtype, inputs[0].shape.merged_with(inputs[1].shape)}};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec> outputs) const override {
    return visit_element_type<float, double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return make_typed<T>(outputs[0].shape.num_elements());
    });
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return Function::again(operation.inputs(), output_gradients[0], operation.where());
  }

 private:
  template <typename T>
  static std::unique_ptr<Kernel> make_typed(std::int64_t elements) {
    return make_range_kernel({.items = elements,
                              .items_per_tile = kElementsPerTile,
                              .nanoseconds_per_item = std::is_same_v<T, float> ? 0.4 : 1,
                              .in_place_input = Function::gradient_input},
                             [functions = pair_functions<T>()](std::int64_t first, std::int64_t last,
                                                               const KernelArguments& arguments) noexcept {
                               const T* forward = input<T>(arguments, 1 - Function::gradient_input);
                               const T* gradient = input<T>(arguments, Function::gradient_input);
                               T* result = output<T>(arguments, 0);
                               for (std::int64_t start = first; start < last; start += kElementsTogether) {
                                 Function::template apply<T>(functions, forward + start, gradient + start,
                                                             result + start,
                                                             std::min(kElementsTogether, last - start));
                               }
                               return static_cast<const char*>(nullptr);
                             });
  }
};

template <typename Function>
Tensor build_gradient(const Tensor& forward, const Tensor& gradient, const SourceLocation& where) {
  const TensorLike of_forward(forward, where);
  const TensorLike of_gradient(gradient, where);
  const bool gradient_first = Function::gradient_input == 0;
  return build(std::make_shared<ElementGradientDefinition<Function>>(),
               {{Function::parameters[0], gradient_first ? &of_gradient : &of_forward},
                {Function::parameters[1], gradient_first ? &of_forward : &of_gradient}},
               {}, Function::type, where);
}

std::vector<Tensor> ReluGrad::again(Inputs inputs, const Tensor& gradient, const SourceLocation& where) {
  return {build_gradient<ReluGrad>(inputs[1], gradient, where), Tensor()};
}

std::vector<Tensor> AbsGrad::again(Inputs inputs, const Tensor& gradient, const SourceLocation& where) {
  return {Tensor(), build_gradient<AbsGrad>(inputs[0], gradient, where)};
}

std::vector<Tensor> SqrtGrad::again(Inputs inputs, const Tensor& gradient, const SourceLocation& where) {
  const Tensor to_dy = build_gradient<SqrtGrad>(inputs[0], gradient, where);
  const Tensor quotient = divide(times(to_dy, inputs[1], where), inputs[0], {}, where);
  return {negative(quotient, {}, where), to_dy};
}

std::vector<Tensor> SigmoidGrad::again(Inputs inputs, const Tensor& gradient, const SourceLocation& where) {
  const Tensor both = times(gradient, inputs[1], where);
  const Tensor twice = times(times(both, inputs[0], where), TensorLike(2, where), where);
  return {subtract(both, twice, {}, where), build_gradient<SigmoidGrad>(inputs[0], gradient, where)};
}

std::vector<Tensor> TanhGrad::again(Inputs inputs, const Tensor& gradient, const SourceLocation& where) {
  const Tensor both = times(gradient, inputs[1], where);
  return {times(times(both, inputs[0], where), TensorLike(-2, where), where),
          build_gradient<TanhGrad>(inputs[0], gradient, where)};
}

}  // namespace

Tensor negative_gradient(const Operation& operation, const Tensor& gradient) {
  return negative(gradient, {}, operation.where());
}

Tensor square_gradient(const Operation& operation, const Tensor& gradient) {
  const SourceLocation& where = operation.where();
  return times(gradient, times(operation.inputs()[0], TensorLike(2, where), where), where);
}

Tensor exp_gradient(const Operation& operation, const Tensor& gradient) {
  return times(gradient, operation.output(0), operation.where());
}

Tensor log_gradient(const Operation& operation, const Tensor& gradient) {
  return divide(gradient, operation.inputs()[0], "RealDiv", operation.where());
}

Tensor abs_gradient(const Operation& operation, const Tensor& gradient) {
  return build_gradient<AbsGrad>(operation.inputs()[0], gradient, operation.where());
}

Tensor relu_gradient(const Operation& operation, const Tensor& gradient) {
  return build_gradient<ReluGrad>(operation.output(0), gradient, operation.where());
}

Tensor sqrt_gradient(const Operation& operation, const Tensor& gradient) {
  return build_gradient<SqrtGrad>(operation.output(0), gradient, operation.where());
}

Tensor sigmoid_gradient(const Operation& operation, const Tensor& gradient) {
  return build_gradient<SigmoidGrad>(operation.output(0), gradient, operation.where());
}

Tensor tanh_gradient(const Operation& operation, const Tensor& gradient) {
  return build_gradient<TanhGrad>(operation.output(0), gradient, operation.where());
}

}  // namespace varscope::detail
