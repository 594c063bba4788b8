// SPDX-License-Identifier: Apache-2.0
#include "ops/elementwise_binary_gradients.hpp"

#include "ops/broadcast.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/sum_to_shape.hpp"

#include <varscope/math_ops.hpp>

namespace varscope::detail {

namespace {

/// An operation with two inputs that were broadcast against each other.
struct BroadcastPair {
  explicit BroadcastPair(const Operation& operation)
      : x(operation.inputs()[0]), y(operation.inputs()[1]), where(operation.where()) {}

  Tensor to_x(const Tensor& gradient) const { return sum_to_operand(gradient, x, y, where); }
  Tensor to_y(const Tensor& gradient) const { return sum_to_operand(gradient, y, x, where); }

  Tensor x;
  Tensor y;
  SourceLocation where;
};

/// Which of the two inputs the function has chosen as its result.
enum class Choice { larger, smaller };

/// Whether it was x; of equal ones x, and y where one is NaN.
template <Choice kChoice, typename T>
bool chose_x(T x, T y) noexcept {
  return kChoice == Choice::larger ? x >= y : x <= y;
}

/// Result: the gradient where x was chosen (or where it was not), else 0. Inputs: gradient, x, y.
template <Choice kChoice, typename T>
std::unique_ptr<Kernel> make_masked(const BroadcastWalk& walk, std::int64_t elements, bool of_x) {
  return make_range_kernel(
      {.items = elements, .items_per_tile = kElementsPerTile, .nanoseconds_per_item = 1, .in_place_input = 0},
      [walk, of_x](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
        const T* gradient = input<T>(arguments, 0);
        const T* x = input<T>(arguments, 1);
        const T* y = input<T>(arguments, 2);
        T* result = output<T>(arguments, 0);
        for_each_run(walk, first, last,
                     [&](std::int64_t at_x, std::int64_t at_y, std::int64_t at, std::int64_t count) {
                       for (std::int64_t i = 0; i < count; ++i) {
                         const bool chosen = chose_x<kChoice>(x[at_x + i * walk.inner.x_step],
                                                              y[at_y + i * walk.inner.y_step]);
                         const T value = gradient[at + i];
                         result[at + i] = chosen == of_x ? value : T(0);
                       }
                     });
        return static_cast<const char*>(nullptr);
      });
}

template <Choice kChoice>
class MaskedGradientDefinition final : public OpDefinition {
 public:
  explicit MaskedGradientDefinition(bool of_x) : of_x_(of_x) {}

  std::string_view type() const noexcept override {
    return kChoice == Choice::larger ? "MaximumGrad" : "MinimumGrad";
  }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs[0], "gradient");
    return {inputs[0]};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec> outputs) const override {
    const BroadcastWalk walk = plan_broadcast(inputs[1].shape, inputs[2].shape);
    const std::int64_t elements = outputs[0].shape.num_elements();
    return visit_element_type<float, double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return make_masked<kChoice, T>(walk, elements, of_x_);
    });
  }

  /// The same mask again; x and y only choose.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    return std::vector{build_masked(output_gradients[0], inputs[1], inputs[2], of_x_, operation.where()),
                       Tensor(), Tensor()};
  }

  static Tensor build_masked(const Tensor& gradient, const Tensor& x, const Tensor& y, bool of_x,
                             const SourceLocation& where) {
    const TensorLike inputs[] = {{gradient, where}, {x, where}, {y, where}};
    auto definition = std::make_shared<MaskedGradientDefinition>(of_x);
    const std::string_view type = definition->type();
    return build(std::move(definition), {{"gradient", &inputs[0]}, {"x", &inputs[1]}, {"y", &inputs[2]}}, {},
                 type, where);
  }

 private:
  bool of_x_;
};

template <Choice kChoice>
std::vector<Tensor> choice_gradients(const Operation& operation, const Tensor& gradient) {
  const BroadcastPair pair(operation);
  const auto masked = [&](bool of_x) {
    return MaskedGradientDefinition<kChoice>::build_masked(gradient, pair.x, pair.y, of_x, pair.where);
  };
  return {pair.to_x(masked(true)), pair.to_y(masked(false))};
}

}  // namespace

std::vector<Tensor> add_gradients(const Operation& operation, const Tensor& gradient) {
  const BroadcastPair pair(operation);
  return {pair.to_x(gradient), pair.to_y(gradient)};
}

std::vector<Tensor> subtract_gradients(const Operation& operation, const Tensor& gradient) {
  const BroadcastPair pair(operation);
  return {pair.to_x(gradient), negative(pair.to_y(gradient), {}, pair.where)};
}

std::vector<Tensor> multiply_gradients(const Operation& operation, const Tensor& gradient) {
  const BroadcastPair pair(operation);
  return {pair.to_x(multiply(gradient, pair.y, {}, pair.where)),
          pair.to_y(multiply(pair.x, gradient, {}, pair.where))};
}

// d(x / y) / dy = -(x / y) / y, from the quotient that is there already.
std::vector<Tensor> divide_gradients(const Operation& operation, const Tensor& gradient) {
  const BroadcastPair pair(operation);
  const Tensor of_x = divide(gradient, pair.y, "RealDiv", pair.where);
  const Tensor of_y = multiply(of_x, operation.output(0), {}, pair.where);
  return {pair.to_x(of_x), negative(pair.to_y(of_y), {}, pair.where)};
}

std::vector<Tensor> maximum_gradients(const Operation& operation, const Tensor& gradient) {
  return choice_gradients<Choice::larger>(operation, gradient);
}

std::vector<Tensor> minimum_gradients(const Operation& operation, const Tensor& gradient) {
  return choice_gradients<Choice::smaller>(operation, gradient);
}

std::vector<Tensor> bias_add_gradients(const Operation& operation, const Tensor& gradient) {
  const BroadcastPair pair(operation);
  return {gradient, pair.to_y(gradient)};
}

}  // namespace varscope::detail
