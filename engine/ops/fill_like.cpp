// SPDX-License-Identifier: Apache-2.0
// ZerosLike and OnesLike: one value in the shape of a tensor, of which nothing else is needed.
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/graph.hpp>

#include <algorithm>
#include <string>
#include <variant>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

enum class Filling { zeros, ones };

template <Filling kFilling, typename T>
std::unique_ptr<detail::Kernel> make_filled(std::int64_t elements) {
  return detail::make_range_kernel(
      {.items = elements, .items_per_tile = detail::kElementsPerTile, .nanoseconds_per_item = 0.1},
      [](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
        std::fill(detail::output<T>(arguments, 0) + first, detail::output<T>(arguments, 0) + last,
                  static_cast<T>(kFilling == Filling::ones));
        return static_cast<const char*>(nullptr);
      });
}

template <Filling kFilling>
class FillLikeDefinition final : public detail::OpDefinition {
 public:
  std::string_view type() const noexcept override {
    return kFilling == Filling::zeros ? "ZerosLike" : "OnesLike";
  }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec>,
                                              std::span<const TensorSpec> outputs) const override {
    const std::int64_t elements = outputs[0].shape.num_elements();
    return detail::visit_element_type<float, double, std::int32_t, std::int64_t, std::uint8_t, bool>(
        outputs[0].dtype,
        [&]<typename T>(detail::ElementType<T>) { return make_filled<kFilling, T>(elements); });
  }

  std::optional<detail::ShapedOperation> with_known_shapes(std::span<const TensorSpec>) const override {
    return detail::ShapedOperation{std::make_shared<FillLikeDefinition>(), 0};
  }

  /// Whatever the tensor's values are, the result is the same.
  std::optional<std::vector<Tensor>> build_gradients(const Operation&,
                                                     std::span<const Tensor>) const override {
    return std::vector{Tensor()};
  }
};

template <Filling kFilling>
Tensor build_fill_like(const TensorLike& tensor, std::string_view name, const SourceLocation& where) {
  return detail::build(std::make_shared<FillLikeDefinition<kFilling>>(), {{"tensor", &tensor}}, name, name,
                       where);
}

using MakeConstant = Tensor (*)(Shape shape, FillOptions options, SourceLocation where);

/// The constant for a tensor whose shape is known, in its graph; else an empty handle.
Tensor constant_like(MakeConstant make, const TensorLike& tensor, std::string_view name,
                     const SourceLocation& where) {
  Tensor like;
  if (const auto* handle = std::get_if<Tensor>(&tensor.value())) like = *handle;
  const auto* variable = std::get_if<Variable>(&tensor.value());
  if (variable != nullptr && *variable) like = variable->value();
  if (!like || !like.shape().fully_known()) return {};
  const Graph::AsDefault building = like.graph().as_default();
  return make(like.shape(), {.dtype = like.dtype(), .name = std::string(name)}, where);
}

}  // namespace

Tensor zeros_like(const TensorLike& tensor, std::string_view name, SourceLocation where) {
  if (name.empty()) name = "zeros_like";
  if (const Tensor constant = constant_like(&zeros, tensor, name, where)) return constant;
  return build_fill_like<Filling::zeros>(tensor, name, where);
}

Tensor ones_like(const TensorLike& tensor, std::string_view name, SourceLocation where) {
  if (name.empty()) name = "ones_like";
  if (const Tensor constant = constant_like(&ones, tensor, name, where)) return constant;
  return build_fill_like<Filling::ones>(tensor, name, where);
}

}  // namespace varscope
