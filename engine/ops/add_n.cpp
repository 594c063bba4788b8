// SPDX-License-Identifier: Apache-2.0
// AddN: the sum of any number of tensors of one shape.
#include "core/instruction_set.hpp"
#include "graph/operation_node.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/simd/reference/elementwise.hpp>

#include <algorithm>
#include <string>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

/// Elements that are summed at a time: they stay in a level 1 cache while one input after the other is added.
constexpr std::int64_t kSummedElements = 1024;

template <typename T>
auto sum_function() {
  if constexpr (std::is_same_v<T, float>) {
    return detail::kernel_set().elementwise.add.vector_vector;
  } else {
    return &simd::reference::for_each_pair<simd::reference::Add, false, false, T>;
  }
}

template <typename T>
std::unique_ptr<detail::Kernel> make_sum(std::int64_t elements, int inputs) {
  return detail::make_range_kernel(
      {.items = elements,
       .items_per_tile = detail::items_per_tile(inputs),
       .nanoseconds_per_item = (std::is_same_v<T, float> ? 0.15 : 0.6) * inputs,
       .in_place_input = 0},
      [inputs, add = sum_function<T>()](std::int64_t first, std::int64_t last,
                                        const KernelArguments& arguments) noexcept {
        for (std::int64_t start = first; start < last; start += kSummedElements) {
          const std::int64_t count = std::min(kSummedElements, last - start);
          // Beside the result, which may be the memory of an input that is among them twice.
          T sum[kSummedElements];
          add(detail::input<T>(arguments, 0) + start, detail::input<T>(arguments, 1) + start, sum, count);
          for (int index = 2; index < inputs; ++index) {
            add(sum, detail::input<T>(arguments, index) + start, sum, count);
          }
          std::copy_n(sum, count, detail::output<T>(arguments, 0) + start);
        }
        return static_cast<const char*>(nullptr);
      });
}

std::string addend_name(std::size_t index) {
  return "inputs_" + std::to_string(index);
}

class AddNDefinition final : public detail::OpDefinition {
 public:
  std::string_view type() const noexcept override { return "AddN"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    if (inputs.empty()) throw ValueError("there is nothing to add; give at least one tensor");
    Shape shape = Shape::unknown();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].dtype != DType::uint8) detail::require_number(inputs[i], addend_name(i));
      detail::require_same_dtype(inputs[0], addend_name(0), inputs[i], addend_name(i));
      if (!shape.compatible_with(inputs[i].shape)) {
        throw ValueError("'" + addend_name(i) + "' is " + detail::to_string(inputs[i]) +
                         ", but those before it are " + shape.to_string() + "; nothing is broadcast here");
      }
      shape = shape.merged_with(inputs[i].shape);
    }
    return {{inputs[0].dtype, std::move(shape)}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    if (inputs.size() == 1) return nullptr;
    const std::int64_t elements = outputs[0].shape.num_elements();
    return detail::visit_element_type<float, double, std::int32_t, std::int64_t, std::uint8_t>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return make_sum<T>(elements, static_cast<int>(inputs.size()));
        });
  }

  /// Each of the inputs gets the gradient of the sum.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return std::vector<Tensor>(operation.node()->inputs().size(), output_gradients[0]);
  }
};

}  // namespace

Tensor add_n(const TensorList& inputs, std::string_view name, SourceLocation where) {
  if (inputs.values().size() == 1 && name.empty()) {
    for (const DType dtype : {DType::float32, DType::float64, DType::int32, DType::int64, DType::uint8}) {
      if (const Tensor same = detail::tensor_if_dtype(inputs.values()[0], dtype)) return same;
    }
  }
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < inputs.values().size(); ++i) parameters.push_back(addend_name(i));
  std::vector<detail::NamedInput> named;
  for (std::size_t i = 0; i < parameters.size(); ++i) named.push_back({parameters[i], &inputs.values()[i]});
  return detail::build(std::make_shared<AddNDefinition>(), std::move(named), name, "AddN", where);
}

}  // namespace varscope
