// SPDX-License-Identifier: Apache-2.0
#include "scope_program_values.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace varscope::tools {

std::string_view reuse_text(Reuse reuse) {
  switch (reuse.mode()) {
    case Reuse::Mode::no:
      return "false";
    case Reuse::Mode::yes:
      return "true";
    case Reuse::Mode::automatic:
      break;
  }
  return "auto";
}

std::string shape_text(const Shape& shape) {
  return shape.has_rank() ? shape.to_string() : "none";
}

Array array_of(const ScopeValue& value) {
  const Shape shape = value.list ? Shape{static_cast<std::int64_t>(value.numbers.size())} : Shape{};
  const auto make = [&]<typename T>(T) {
    std::vector<T> numbers;
    for (const double number : value.numbers) numbers.push_back(static_cast<T>(number));
    return Array::of<T>(shape, std::span<const T>(numbers));
  };
  if (!value.integral) return make(float{});
  const bool fits = std::all_of(value.numbers.begin(), value.numbers.end(), [](double number) {
    return number >= std::numeric_limits<std::int32_t>::min() &&
           number <= std::numeric_limits<std::int32_t>::max();
  });
  return fits ? make(std::int32_t{}) : make(std::int64_t{});
}

Regularizer regularizer_of(const ScopeRegularizer& regularizer) {
  return regularizer.scale ? l2_regularizer(*regularizer.scale) : no_regularizer();
}

Partitioner partitioner_of(const ScopePartitioner& partitioner) {
  const std::vector<std::int64_t>& numbers = partitioner.numbers;
  if (partitioner.stock.empty()) return Partitioner([numbers](const Shape&, DType) { return numbers; });
  const int axis = numbers.size() > 1 ? static_cast<int>(numbers[1]) : 0;
  if (partitioner.stock == "fixed_size") return fixed_size_partitioner(numbers[0], axis);
  if (partitioner.stock == "variable_axis_size") {
    return variable_axis_size_partitioner(numbers[0], axis,
                                          numbers.size() > 2 ? std::optional(numbers[2]) : std::nullopt);
  }
  return numbers.size() > 2 ? min_max_variable_partitioner(numbers[0], axis, numbers[2])
                            : min_max_variable_partitioner(numbers[0], axis);
}

CustomGetter custom_getter_of(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string suffix = text.substr(0, colon);
  std::optional<Reuse> reuse;
  for (const Reuse flag : {Reuse(false), Reuse(true), AUTO_REUSE}) {
    if (colon < text.size() && text.substr(colon + 1) == reuse_text(flag)) reuse = flag;
  }
  return CustomGetter([suffix, reuse](const VariableGetter& getter, GetterArguments arguments) {
    if (!suffix.empty()) arguments.name += "_" + suffix;
    if (reuse) arguments.reuse = *reuse;
    return getter(std::move(arguments));
  });
}

VariableCreator creator_of(const std::string& suffix, bool trainable) {
  return [suffix, trainable](const NextVariableCreator& next, VariableCreatorArguments arguments) {
    arguments.name = (arguments.name.empty() ? "Variable" : arguments.name) + "_" + suffix;
    if (!trainable) arguments.trainable = false;
    return next(std::move(arguments));
  };
}

double first_element(const Array& array) {
  if (array.num_elements() == 0) throw OutOfRangeError("the value has no elements");
  switch (array.dtype()) {
    case DType::float32:
      return static_cast<double>(array.values<float>().front());
    case DType::float64:
      return array.values<double>().front();
    case DType::int32:
      return array.values<std::int32_t>().front();
    case DType::int64:
      return static_cast<double>(array.values<std::int64_t>().front());
    case DType::uint8:
      return array.values<std::uint8_t>().front();
    case DType::boolean:
      break;
  }
  return array.values<bool>().front() ? 1 : 0;
}

}  // namespace varscope::tools
