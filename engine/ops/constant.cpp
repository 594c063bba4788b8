// SPDX-License-Identifier: Apache-2.0
// Const: a fixed value.
#include "ops/build.hpp"
#include "ops/cast.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>

#include <cstring>
#include <string>

namespace varscope {

namespace {

class ConstantDefinition final : public detail::OpDefinition {
 public:
  explicit ConstantDefinition(Array value) : value_(std::move(value)) {}

  std::string_view type() const noexcept override { return "Const"; }
  detail::OpRole role() const noexcept override { return detail::OpRole::constant; }
  const Array* constant_value() const noexcept override { return &value_; }
  std::vector<detail::TensorSpec> infer(std::span<const detail::TensorSpec>) const override {
    return {{value_.dtype(), value_.shape()}};
  }
  std::unique_ptr<detail::Kernel> make_kernel(std::span<const detail::TensorSpec>,
                                              std::span<const detail::TensorSpec>) const override {
    return nullptr;
  }

 private:
  Array value_;
};

std::string made_at(const SourceLocation& where) {
  return " (constant made at " + to_string(where) + ")";
}

void convert(const Array& from, Array* to) noexcept {
  detail::element_conversion(from.dtype(), to->dtype())(from.data(), to->data(), from.num_elements());
}

/// A copy of the array in that dtype.
Array converted(const Array& value, DType dtype, const SourceLocation& where) {
  Array result = Array::uninitialized(value.shape(), dtype);
  convert(value, &result);
  if (is_floating(value.dtype()) && !is_floating(dtype)) {
    Array before = Array::uninitialized(value.shape(), DType::float64);
    Array after = Array::uninitialized(value.shape(), DType::float64);
    convert(value, &before);
    convert(result, &after);
    for (std::size_t i = 0; i < before.values<double>().size(); ++i) {
      if (before.values<double>()[i] == after.values<double>()[i]) continue;
      throw TypeError("element " + std::to_string(i) + " of " + value.description() + " is " +
                      std::to_string(before.values<double>()[i]) + ", which is no " +
                      std::string(dtype_name(dtype)) + "; round it first, or leave .dtype unset" +
                      made_at(where));
    }
  }
  return result;
}

/// The array under that shape, its only element repeated if it has one.
Array filled(const Array& value, const Shape& shape, const SourceLocation& where) {
  if (!shape.fully_known()) {
    throw ValueError("a constant cannot have the shape " + shape.to_string() +
                     ": every dimension must be known" + made_at(where));
  }
  if (value.num_elements() == shape.num_elements()) return value.reshaped(shape);
  if (value.num_elements() != 1) {
    throw ValueError(value.description() + " has " + std::to_string(value.num_elements()) +
                     " values, but the shape " + shape.to_string() + " needs " +
                     std::to_string(shape.num_elements()) + " or a single one to repeat" + made_at(where));
  }
  Array result = Array::uninitialized(shape, value.dtype());
  const std::size_t size = dtype_size(value.dtype());
  auto* destination = static_cast<std::byte*>(result.data());
  for (std::int64_t i = 0; i < result.num_elements(); ++i, destination += size) {
    std::memcpy(destination, value.data(), size);
  }
  return result;
}

Tensor build_constant(Array value, std::string_view name, std::string_view default_name,
                      const SourceLocation& where) {
  return detail::build(std::make_shared<ConstantDefinition>(std::move(value)), {}, name, default_name, where);
}

}  // namespace

Tensor constant(const Array& value, ConstantOptions options, SourceLocation where) {
  Array own = converted(value, options.dtype.value_or(value.dtype()), where);
  if (options.shape) own = filled(own, *options.shape, where);
  return build_constant(std::move(own), options.name, "Const", where);
}

Tensor constant(std::initializer_list<double> values, ConstantOptions options, SourceLocation where) {
  if (!options.dtype) options.dtype = DType::float32;
  return constant(Array::of<double>(Shape{static_cast<std::int64_t>(values.size())}, values),
                  std::move(options), where);
}

Tensor constant(std::initializer_list<int> values, ConstantOptions options, SourceLocation where) {
  return constant(Array::of<int>(Shape{static_cast<std::int64_t>(values.size())}, values), std::move(options),
                  where);
}

Tensor zeros(Shape shape, FillOptions options, SourceLocation where) {
  return build_constant(filled(converted(Array::scalar(0.0), options.dtype, where), shape, where),
                        options.name, "zeros", where);
}

Tensor ones(Shape shape, FillOptions options, SourceLocation where) {
  return build_constant(filled(converted(Array::scalar(1.0), options.dtype, where), shape, where),
                        options.name, "ones", where);
}

}  // namespace varscope
