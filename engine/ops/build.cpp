// SPDX-License-Identifier: Apache-2.0
#include "ops/build.hpp"

#include <variant>

namespace varscope::detail {

DType number_dtype(const std::vector<NamedInput>& inputs) noexcept {
  for (const NamedInput& input : inputs) {
    const auto* number = std::get_if<TensorLike::Number>(&input.value->value());
    if (number != nullptr && !number->integral) return DType::float32;
  }
  return DType::int32;
}

Tensor build(std::shared_ptr<const OpDefinition> definition, std::vector<NamedInput> inputs,
             std::string_view name, std::string_view default_name, const SourceLocation& where) {
  const DType dtype = number_dtype(inputs);
  return add_tensor({.definition = std::move(definition),
                     .inputs = std::move(inputs),
                     .name = name,
                     .default_name = default_name,
                     .where = where},
                    dtype);
}

Tensor tensor_if_dtype(const TensorLike& value, DType dtype) {
  Tensor tensor;
  if (const auto* given = std::get_if<Tensor>(&value.value())) tensor = *given;
  if (const auto* variable = std::get_if<Variable>(&value.value())) tensor = variable->value();
  return tensor && tensor.dtype() == dtype ? tensor : Tensor{};
}

}  // namespace varscope::detail
