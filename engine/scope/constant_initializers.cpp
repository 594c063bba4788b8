// SPDX-License-Identifier: Apache-2.0
// zeros, ones and constant.
#include "scope/initializer_body.hpp"

#include <varscope/error.hpp>
#include <varscope/initializer.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace varscope {

namespace {

std::string to_text(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

class ConstantInitializer final : public detail::InitializerBody {
 public:
  /// `op_name` is a static text. The only shape that may be asked for, if one is given. Requires: at least
  /// one value.
  ConstantInitializer(std::string_view op_name, std::vector<double> values, std::optional<Shape> only_shape)
      : op_name_(op_name), values_(std::move(values)), only_shape_(std::move(only_shape)) {}

  std::string_view op_name() const noexcept override { return op_name_; }
  std::string_view op_type() const noexcept override { return "Const"; }

  void check(const Shape& shape, DType dtype) const override {
    if (only_shape_.has_value() && *only_shape_ != shape) {
      throw TypeError("constant_initializer's value has the shape " + only_shape_->to_string() +
                      ", and verify_shape forbids the shape " + shape.to_string());
    }
    const std::int64_t elements = shape.num_elements();
    if (values_.size() > 1 && static_cast<std::int64_t>(values_.size()) > elements) {
      throw ValueError("constant_initializer has " + std::to_string(values_.size()) + " values, but shape " +
                       shape.to_string() + " has only " + std::to_string(elements) + " elements");
    }
    for (const double value : values_) {
      if (representable(value, dtype)) continue;
      throw TypeError("constant_initializer's value " + to_text(value) + " is no " +
                      std::string(dtype_name(dtype)));
    }
  }

  void fill(void* out, std::int64_t begin, std::int64_t end, const Shape&, DType dtype,
            SeedPair) const override {
    switch (dtype) {
      case DType::float32:
        return fill_as<float>(out, begin, end);
      case DType::float64:
        return fill_as<double>(out, begin, end);
      case DType::int32:
        return fill_as<std::int32_t>(out, begin, end);
      case DType::int64:
        return fill_as<std::int64_t>(out, begin, end);
      case DType::uint8:
        return fill_as<std::uint8_t>(out, begin, end);
      case DType::boolean:
        return fill_as<bool>(out, begin, end);
    }
  }

  double nanoseconds_per_element() const noexcept override { return 0.25; }

 private:
  /// Floating types round; the others must hold the value exactly.
  static bool representable(double value, DType dtype) noexcept {
    const auto within = [&](double low, double beyond) {
      return value >= low && value < beyond && std::trunc(value) == value;
    };
    switch (dtype) {
      case DType::float32:
      case DType::float64:
        return true;
      case DType::int32:
        return within(-0x1p31, 0x1p31);
      case DType::int64:
        return within(-0x1p63, 0x1p63);
      case DType::uint8:
        return within(0, 256);
      case DType::boolean:
        return within(0, 2);
    }
    return false;
  }

  template <typename T>
  void fill_as(void* out, std::int64_t begin, std::int64_t end) const {
    auto* const elements = static_cast<T*>(out);
    const auto given = static_cast<std::int64_t>(values_.size());
    std::int64_t position = begin;
    for (; position < std::min(end, given - 1); ++position) {
      elements[position] = static_cast<T>(values_[static_cast<std::size_t>(position)]);
    }
    std::fill(elements + position, elements + end, static_cast<T>(values_.back()));
  }

  const std::string_view op_name_;
  const std::vector<double> values_;
  const std::optional<Shape> only_shape_;
};

Initializer constant(std::string_view op_name, std::vector<double> values,
                     std::optional<Shape> only_shape = std::nullopt) {
  return Initializer(
      std::make_shared<ConstantInitializer>(op_name, std::move(values), std::move(only_shape)));
}

/// Those of the given shape, row-major; with `verify_shape` for variables of that shape only.
Initializer constant(std::vector<double> values, const Shape& shape, bool verify_shape) {
  if (values.empty()) throw ValueError("constant_initializer needs at least one value");
  return constant("Const", std::move(values), verify_shape ? std::optional(shape) : std::nullopt);
}

template <typename T>
std::vector<double> to_doubles(const Array& array) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(array.num_elements()));
  for (const T value : array.values<T>()) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      constexpr std::int64_t limit = std::int64_t{1} << 53U;
      if (value < -limit || value > limit) {
        throw ValueError("constant_initializer computes in float64, which does not hold " +
                         std::to_string(value) + ": use the array itself as the initializer");
      }
    }
    values.push_back(static_cast<double>(value));
  }
  return values;
}

std::vector<double> to_doubles(const Array& array) {
  switch (array.dtype()) {
    case DType::float32:
      return to_doubles<float>(array);
    case DType::float64:
      return to_doubles<double>(array);
    case DType::int32:
      return to_doubles<std::int32_t>(array);
    case DType::int64:
      return to_doubles<std::int64_t>(array);
    case DType::uint8:
      return to_doubles<std::uint8_t>(array);
    case DType::boolean:
      break;
  }
  return to_doubles<bool>(array);
}

}  // namespace

Initializer zeros_initializer() {
  return constant("zeros", {0});
}
Initializer ones_initializer() {
  return constant("ones", {1});
}
Initializer constant_initializer(double value, bool verify_shape) {
  return constant({value}, Shape{}, verify_shape);
}

Initializer constant_initializer(std::span<const double> values, bool verify_shape) {
  return constant({values.begin(), values.end()}, Shape{static_cast<std::int64_t>(values.size())},
                  verify_shape);
}

Initializer constant_initializer(std::initializer_list<double> values, bool verify_shape) {
  return constant_initializer(std::span<const double>(values.begin(), values.size()), verify_shape);
}

Initializer constant_initializer(const Array& values, bool verify_shape) {
  return constant(to_doubles(values), values.shape(), verify_shape);
}

}  // namespace varscope
